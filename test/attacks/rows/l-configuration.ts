import type { Section } from '../gauntlet.ts'

/** Configuration: what the two files can do to the gateway, and what a slip in them opens. */
export const configuration: Section = {
  L01: {
    story: 'a small file unfolds into a huge one, or into one so deep that its reader falls over',
    origin: 'a class of its own: YAML bombs',
    required: 'refused soon, within little memory, and never with a crash'
  },
  L03: {
    story: 'a misspelt key or an empty value takes a check away without a word',
    origin: 'CVE-2025-66479 and its class: an empty list that allows everything',
    required: 'refused with file and line; a check is never less than what was written'
  },
  L04: {
    story: 'a secret that cannot be had leaves an open door behind',
    origin: 'CVE-2026-54762 (traefik)',
    required: 'no start without the secret, and no call to anybody',
    differs: '`check` runs where the secrets are not, so there a missing secret is a warning; `start` refuses. An empty one is refused by both.'
  },
  L06: {
    story: 'of two rules that overlap the weaker one wins, and nobody is told',
    origin: 'a class of its own: shadowed rules',
    required: 'refused or reported at load; the winner for a method and a path can be asked for',
    differs: 'No command prints the winner for a method and a path in this version; the matcher that answers requests is asked here. What would need such a command most, two rules for one request, does not load.'
  },
  L07: {
    story: 'what no rule matches is let through by a default',
    origin: 'the change of default in heimdall v0.16',
    required: '404 or 405, and the ERP sees nothing; a default rule that allows everything is refused at load'
  }
}
