import { eachSpellingOnce } from '../common/memo.ts'
import { isTraceparent } from '../common/trace-context.ts'
import { LINKS } from './answer-headers.ts'
import { withConnectionOptions } from './connection-options.ts'

/** Which of a caller's headers never reach the upstream. Names are in lower case. */
export interface HeaderNames {
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
  'x-access-token', 'x-id-token', 'x-auth-token', 'x-authorization', 'x-username', 'x-userid',
  'x-forwarded', 'forwarded-for', 'x-real-ip', 'x-client-ip', 'x-cluster-client-ip', 'true-client-ip', 'cf-connecting-ip', 'fastly-client-ip', 'x-original-url', 'x-rewrite-url',
  'x-request-id', 'traceparent'
])
const NEVER_BEGINNING = ['x-forwarded-', 'x-auth-request-', 'x-remote-', 'x-user-', 'ssl-client-', 'x-ssl-client-', 'x-amzn-oidc-', 'cf-access-', 'x-goog-iap-', 'x-goog-authenticated-user-', 'x-ms-client-principal', 'x-ms-token-', 'x-pomerium-', 'x-consumer-']
const BEGINS_SO = new RegExp(`^(?:${NEVER_BEGINNING.join('|')})`)

/** Whether the gateway removes or writes a header of that name (lower case, dashes), whatever the rule. */
export function isRemovedAlways (name: string): boolean {
  return NEVER.has(name) || BEGINS_SO.test(name)
}

/** What becomes of a header, by its name as it was spelled. */
type Fate = 'passes' | 'goes' | 'link' | 'connection' | 'traceparent' | 'tracestate'

/** A rule's verdict over header names, each looked at once: callers send the same few dozen again and again. */
export type HeaderRules = (name: string) => Fate

export function compileHeaderRules ({ removed, kept }: HeaderNames): HeaderRules {
  return eachSpellingOnce(lower => fateOf(lower, removed, kept))
}

function fateOf (lower: string, removed: ReadonlySet<string>, kept: ReadonlySet<string>): Fate {
  if (lower === 'connection' || lower === 'traceparent') return lower
  // X.User.Id and X_User_Id arrive at a CGI-like server as X-User-Id does.
  const folded = lower.replace(/[^a-z0-9]/g, '-')
  const spared = kept.has(lower) && folded === lower
  if (!spared && (isRemovedAlways(folded) || NEVER.has(lower))) return 'goes'
  if (removed.has(folded) || removed.has(lower)) return 'goes'
  if (LINKS.has(lower)) return 'link'
  return lower === 'tracestate' ? 'tracestate' : 'passes'
}

/** The caller's headers that pass. */
export interface PassingHeaders {
  /** flat, spelled and ordered as sent */
  readonly headers: string[]
  /** the caller's one well-formed traceparent, or undefined where a trace begins here */
  readonly traceparent: string | undefined
  /** whether one of them, or of those that do not pass after all, may hold the URL of something */
  readonly hasLink: boolean
}

/**
 * Which of the caller's headers pass. What `Connection` lists is hop-by-hop (RFC 9110 section 7.6.1) and goes too; so
 * does a tracestate without the traceparent that it belongs to (W3C Trace Context section 3.3).
 */
export function passingHeaders (rawHeaders: readonly string[], rules: HeaderRules): PassingHeaders {
  const headers: string[] = []
  let listed: Set<string> | undefined
  let traceparents = 0
  let traceparent: string | undefined
  let hasState = false
  let hasLink = false
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? ''
    const value = rawHeaders[at + 1] ?? ''
    switch (rules(name)) {
      case 'goes': break
      case 'passes': headers.push(name, value); break
      case 'link':
        hasLink = true
        headers.push(name, value)
        break
      case 'connection': listed = withConnectionOptions(listed, value); break
      case 'traceparent':
        traceparents++
        traceparent = value
        break
      case 'tracestate':
        hasState = true
        headers.push(name, value)
    }
  }
  const isOne = traceparents === 1 && traceparent !== undefined && isTraceparent(traceparent)
  const loses = listed !== undefined || (hasState && !isOne)
  return { headers: loses ? headers.filter((_part, at) => stays(headers[at - at % 2]?.toLowerCase() ?? '', listed, isOne)) : headers, traceparent: isOne ? traceparent : undefined, hasLink }
}

function stays (name: string, listed: ReadonlySet<string> | undefined, hasTraceparent: boolean): boolean {
  return listed?.has(name) !== true && (hasTraceparent || name !== 'tracestate')
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
