import { newTraceparent } from '../common/trace-context.ts'
import type { Route } from '../config/configuration.ts'
import { readClaim } from '../policy/claims.ts'
import type { Principal } from '../policy/principal.ts'
import { LINKS, passingAnswerHeaders } from './answer-headers.ts'
import type { Presented } from './credential.ts'
import type { HeaderCompilers } from './header-compilers.ts'
import { rewriteLink, rewriteLocation } from './location.ts'
import { createPathMap, type PathMap, type PathParts } from './paths.ts'
import { headerValue, passingHeaders } from './upstream-headers.ts'
import type { Upstream } from './upstreams.ts'

/** All that is decided at load about how a rule's requests go out and their answers come back. */
export interface OutboundPlan {
  readonly paths: PathMap
  /** Whether a caller's header of that name goes to the upstream. */
  passes (name: string): boolean
  /** The headers of the request to the upstream, flat. */
  requestHeaders (sent: SentRequest, presented: Presented): string[]
  /** The headers of the caller's answer, flat, less the gateway's own. */
  answerHeaders (raw: readonly Buffer[], sent: SentRequest, presented: Presented): string[]
}

/** Where a request came from, as X-Forwarded-* says it. */
export interface ForwardedOrigin {
  /** the believed chain of addresses, the caller's first */
  readonly chain: string
  readonly protocol: 'http' | 'https'
  /** host[:port] that the caller asked for */
  readonly host: string | undefined
}

/** What of the caller's request goes out. */
export interface SentRequest {
  readonly rawHeaders: readonly string[]
  readonly origin: ForwardedOrigin
  readonly requestId: string
  readonly principal: Principal | undefined
  readonly upstreamPath: string
  readonly parts: PathParts
  /** of this very try; undefined where nobody traces, and the caller's stands, or a new one */
  readonly traceparent: string | undefined
}

/**
 * @param vouching the headers by which the gateway vouches for somebody on any rule, as `vouchingHeaders` gives them: an
 *   ERP that trusts one must not get a caller's on a rule that does not write it
 */
export function createOutboundPlan (route: Route, upstream: Upstream, vouching: readonly string[], publicUrl: string | undefined, compilers: HeaderCompilers): OutboundPlan {
  const { headers: { set, remove, keep }, response_headers, identity } = route
  const base = upstream.url.pathname.replace(/\/$/, '')
  const paths = createPathMap(base, route.match, route.rewrite)
  const setToo = Object.entries(set).flat()
  const rules = compilers.request({
    removed: new Set([...vouching.filter(name => !keep.includes(name)), ...headersOf(route, upstream), ...remove.map(foldName)]),
    kept: new Set(keep)
  })
  const answerRules = compilers.answer({
    removed: new Set([...sessionHeaders(upstream).map(name => name.toLowerCase()), ...response_headers.remove, ...Object.keys(response_headers.set).map(name => name.toLowerCase())]),
    kept: new Set(response_headers.keep),
    set: Object.entries(response_headers.set).flat()
  })

  return {
    paths,
    passes: name => rules(name) === 'passes',
    requestHeaders ({ rawHeaders, origin, requestId, principal, parts, traceparent: own }, presented) {
      const { headers, traceparent, hasLink } = passingHeaders(rawHeaders, rules)
      const passing = hasLink ? withLinks(headers, value => rewriteLink(value, { upstream: upstream.url, paths, parts, publicUrl: publicUrl ?? ownUrl(origin) })) : headers
      // The gateway's own stand first: of very many headers a server may drop the last ones (Node drops all after 2,000).
      const sent = [...presented.headers]
      if (principal !== undefined) {
        for (const { header, path } of identity) {
          const value = headerValue(readClaim(principal.claims, path))
          if (value !== undefined) sent.push(header, value)
        }
      }
      sent.push('X-Forwarded-For', origin.chain, 'X-Forwarded-Proto', origin.protocol)
      if (origin.host !== undefined) sent.push('X-Forwarded-Host', origin.host)
      sent.push('X-Request-Id', requestId, 'traceparent', own ?? traceparent ?? newTraceparent())
      for (const part of setToo) sent.push(part)
      for (const part of passing) sent.push(part)
      return sent
    },
    answerHeaders (raw, { origin, upstreamPath, parts }, presented) {
      return passingAnswerHeaders(raw, answerRules, presented.secrets, value =>
        rewriteLocation(value, { upstream: upstream.url, origins: upstream.origins, upstreamPath, paths, parts, publicUrl: publicUrl ?? ownUrl(origin) }))
    }
  }
}

/** Every header that the gateway writes for a rule beside those that it writes always: lower case, dashes. */
export function headersOf (route: Route, upstream: Upstream): string[] {
  return [...Object.keys(route.headers.set).map(foldName), ...vouchingHeaders(route, upstream), ...sessionHeaders(upstream).map(foldName)]
}

/** Those of them that say who somebody is: identities and the gateway's own credential. */
export function vouchingHeaders ({ identity }: Route, { credential }: Upstream): string[] {
  return [...identity.map(({ header }) => header), ...credential.headerNames].map(foldName)
}

// Of the session's token, which is between the upstream and the gateway, both ways.
function sessionHeaders ({ sessions }: Upstream): string[] {
  return sessions === undefined ? [] : [sessions.settings.header]
}

function foldName (name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '-')
}

function withLinks (headers: readonly string[], rewrite: (value: string) => string): string[] {
  return headers.map((part, at) => at % 2 === 1 && LINKS.has(headers[at - 1]?.toLowerCase() ?? '') ? rewrite(part) : part)
}

function ownUrl ({ protocol, host }: ForwardedOrigin): string {
  return host === undefined ? '' : `${protocol}://${host}`
}
