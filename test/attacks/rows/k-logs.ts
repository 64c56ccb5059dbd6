import type { Section } from '../gauntlet.ts'

export const logs: Section = {
  K01: {
    story: 'a credential is found in the log, at one level or another',
    origin: 'CVE-2022-23469 (traefik), CVE-2025-62232 (APISIX), CVE-2019-11250 (Kubernetes), CVE-2026-40945 (oxia)',
    required: 'at level trace no secret of anybody, as it is, in base64 or percent-encoded: callers\', the gateway\'s own, what the IdP and the ERP send back, what is written into the wrong place of a file; scripts/log-grep.mjs asks the same of the whole suite'
  },
  K03: {
    story: 'a caller can tell which check a forged token failed',
    origin: 'error oracles',
    required: 'status, headers and body alike to the byte for what fails before or at the signature; the reason is in the log alone',
    differs: 'that a token has expired may be said first; after the signature the caller holds a genuine token and is told what is wrong with it'
  },
  K04: {
    story: 'how long a refusal takes tells how much of a secret was right',
    origin: 'CVE-2026-32595 (traefik), CVE-2024-42368 (OpenTelemetry)',
    required: 'no secret of the gateway is ever compared with what a caller sends; a thousand signatures that are wrong at the start take as long as a thousand that are wrong at the end',
    differs: 'times are printed, and asserted only within a factor of three: what is compared is public'
  }
}
