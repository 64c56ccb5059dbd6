/** Which of an upstream's headers never reach the caller. Names are in lower case. */
export interface AnswerRules {
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

/**
 * The upstream's headers that pass, flat, spelled and ordered as sent.
 * @param raw names and values in turn, as bytes
 * @param secrets what the gateway showed the upstream: a header that repeats one does not pass
 * @param rewriteLocation what becomes of Location and Content-Location
 */
export function passingAnswerHeaders (raw: readonly Buffer[], rules: AnswerRules, secrets: readonly string[], rewriteLocation: (value: string) => string): string[] {
  const headers = raw.map(part => part.toString('latin1'))
  const listed = connectionOptions(headers)
  const passing: string[] = []
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at] ?? ''
    const value = headers[at + 1] ?? ''
    const lower = name.toLowerCase()
    if ((NEVER.has(lower) && !rules.kept.has(lower)) || rules.removed.has(lower) || listed?.has(lower)) continue
    if (secrets.some(secret => value.includes(secret))) continue
    passing.push(name, lower === 'location' || lower === 'content-location' ? rewriteLocation(value) : value)
  }
  return rules.set.length === 0 ? passing : [...passing, ...rules.set]
}

function connectionOptions (headers: readonly string[]): ReadonlySet<string> | undefined {
  let listed: Set<string> | undefined
  for (let at = 0; at < headers.length; at += 2) {
    if (headers[at]?.toLowerCase() !== 'connection') continue
    for (const option of headers[at + 1]?.split(',') ?? []) (listed ??= new Set()).add(option.trim().toLowerCase())
  }
  return listed
}
