/** Which of a caller's headers never reach the upstream. Names are in lower case. */
export interface HeaderRules {
  /** beside what is removed always: what the operator removes, sets, or fills with an identity */
  readonly removed: ReadonlySet<string>
  /** what the operator owns of X-Forwarded-* and X-Api-Key */
  readonly kept: ReadonlySet<string>
}

// RFC 9110 section 7.6.1, and what older servers take for one of them.
const HOP_BY_HOP = ['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'http2-settings', 'proxy-authenticate', 'proxy-authorization']
// Credentials, identities that a proxy in front of an app vouches for, and what the gateway writes itself.
const NEVER = new Set([
  ...HOP_BY_HOP, 'host', 'expect', 'content-length',
  'authorization', 'cookie', 'dpop', 'x-api-key', 'forwarded', 'remote-user', 'x-user', 'x-client-cert',
  'x-real-ip', 'x-client-ip', 'true-client-ip', 'cf-connecting-ip', 'x-original-url', 'x-rewrite-url',
  'x-request-id', 'traceparent'
])
const NEVER_BEGINNING = ['x-forwarded-', 'x-auth-request-', 'x-remote-', 'x-user-', 'ssl-client-', 'x-ssl-client-', 'x-amzn-oidc-', 'cf-access-', 'x-goog-iap-']
const BEGINS_SO = new RegExp(`^(?:${NEVER_BEGINNING.join('|')})`)

/** Whether the gateway removes or writes a header of that name (lower case, dashes), whatever the rule. */
export function isRemovedAlways (name: string): boolean {
  return NEVER.has(name) || BEGINS_SO.test(name)
}

/**
 * The caller's headers that pass, flat, spelled and ordered as sent.
 * What `Connection` lists is hop-by-hop (RFC 9110 section 7.6.1) and goes too.
 */
export function passingHeaders (rawHeaders: readonly string[], { removed, kept }: HeaderRules): string[] {
  const listed = connectionOptions(rawHeaders)
  const passing: string[] = []
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? ''
    const lower = name.toLowerCase()
    // X.User.Id and X_User_Id arrive at a CGI-like server as X-User-Id does.
    const folded = lower.replace(/[^a-z0-9]/g, '-')
    const spared = kept.has(lower) && folded === lower
    if (!spared && (isRemovedAlways(folded) || NEVER.has(lower))) continue
    if (removed.has(folded) || removed.has(lower) || listed?.has(lower)) continue
    passing.push(name, rawHeaders[at + 1] ?? '')
  }
  return passing
}

/** A claim's value as a header's: visible ASCII as it is, the rest percent-encoded as UTF-8; undefined sends none. */
export function headerValue (claim: unknown): string | undefined {
  if (claim === undefined || claim === null) return undefined
  const text = typeof claim === 'string' ? claim : isListOfWords(claim) ? claim.join(',') : toJson(claim)
  if (text === undefined) return undefined
  // A lone surrogate has no UTF-8; U+FFFD stands for it.
  return text.toWellFormed().replace(/[^\x21-\x7e]+/g, encodeURIComponent)
}

function isListOfWords (claim: unknown): claim is ReadonlyArray<string | number | boolean> {
  return Array.isArray(claim) && claim.every(one => ['string', 'number', 'boolean'].includes(typeof one))
}

function toJson (claim: unknown): string | undefined {
  try {
    return JSON.stringify(claim)
  } catch {
    // Nested so deep that the stack ends first: no header could hold it.
    return undefined
  }
}

function connectionOptions (rawHeaders: readonly string[]): ReadonlySet<string> | undefined {
  let listed: Set<string> | undefined
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (rawHeaders[at]?.toLowerCase() !== 'connection') continue
    for (const option of rawHeaders[at + 1]?.split(',') ?? []) (listed ??= new Set()).add(option.trim().toLowerCase())
  }
  return listed
}
