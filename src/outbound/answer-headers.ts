import { eachSpellingOnce } from '../common/memo.ts'
import { withConnectionOptions } from './connection-options.ts'

/** Which of an upstream's headers never reach the caller. Names are in lower case. */
export interface AnswerNames {
  readonly removed: ReadonlySet<string>
  readonly kept: ReadonlySet<string>
  /** what the operator sets, flat */
  readonly set: readonly string[]
}

const NEVER = new Set([
  // Hop-by-hop: RFC 9110 section 7.6.1. A relayed `Trailer` beside a Content-Length makes Node throw.
  'connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade',
  // The upstream's session and challenges are between it and the gateway; so is what software it is.
  'set-cookie', 'set-cookie2', 'www-authenticate', 'proxy-authenticate', 'proxy-authentication-info', 'authentication-info',
  'authorization', 'proxy-authorization', 'server', 'x-powered-by',
  // The gateway's own
  'x-request-id'
])

/** Headers that hold the URL of something: RFC 9110 sections 8.7 and 10.2.2, and OData's entity id. Lower case. */
export const LINKS: ReadonlySet<string> = new Set(['location', 'content-location', 'odata-entityid'])

/**
 * The upstream's headers that pass, flat, spelled and ordered as sent.
 * @param raw names and values in turn, as bytes
 * @param secrets what the gateway showed the upstream: a header that repeats one does not pass
 * @param rewriteLocation what becomes of the headers that hold a link
 */
export function passingAnswerHeaders (raw: readonly Buffer[], { fateOf, set }: AnswerRules, secrets: readonly string[], rewriteLocation: (value: string) => string): string[] {
  const passing: string[] = []
  let listed: Set<string> | undefined
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at]?.toString('latin1') ?? ''
    const fate = fateOf(name)
    if (fate === 'goes') continue
    const value = raw[at + 1]?.toString('latin1') ?? ''
    if (fate === 'connection') {
      listed = withConnectionOptions(listed, value)
      continue
    }
    // A tab within a URL is nothing to whoever reads it: what it hid stands in the rewritten one.
    const passed = fate === 'location' ? rewriteLocation(value) : value
    if (!repeats(value, secrets) && !repeats(passed, secrets) && !repeats(name, secrets)) passing.push(name, passed)
  }
  const left = listed === undefined ? passing : passing.filter((_part, at) => listed.has(passing[at - at % 2]?.toLowerCase() ?? '') === false)
  if (set.length > 0) left.push(...set)
  return left
}

type Fate = 'passes' | 'goes' | 'connection' | 'location'

/** A rule's verdict over an upstream's header names, each spelling looked at once. */
export interface AnswerRules {
  readonly fateOf: (name: string) => Fate
  readonly set: readonly string[]
}

export function compileAnswerRules ({ removed, kept, set }: AnswerNames): AnswerRules {
  function fateOf (lower: string): Fate {
    if (lower === 'connection') return lower
    if ((NEVER.has(lower) && !kept.has(lower)) || removed.has(lower)) return 'goes'
    return LINKS.has(lower) ? 'location' : 'passes'
  }

  return { fateOf: eachSpellingOnce(fateOf), set }
}

function repeats (value: string, secrets: readonly string[]): boolean {
  for (const secret of secrets) if (value.length >= secret.length && value.includes(secret)) return true
  return false
}
