import type { Section } from '../gauntlet.ts'

/** Headers on their way through: what is hop-by-hop, what a caller forges, and what is the gateway's own. */
export const headers: Section = {
  F01: {
    story: 'a caller names the gateway\'s own headers in Connection, to have them stripped',
    origin: 'CVE-2026-33805 / GHSA-gwhp-pf74-vj37 (@fastify/reply-from), GHSA-w9mr-28mw-j8hg (oathkeeper), CVE-2024-45410 and CVE-2026-29054 (traefik), CVE-2022-31813 (httpd), CVE-2021-33197 (Go), CVE-2022-1388 (F5)',
    required: 'the ERP still gets the machine credential, the identity, what the rule sets, and a body framed as it was'
  },
  F02: {
    story: 'hop-by-hop headers are passed on, or make the proxy fail',
    origin: 'RFC 9110 section 7.6.1; measured with @fastify/reply-from',
    required: 'none reaches the ERP, trailers neither, and none is answered with a 5xx'
  },
  F03: {
    story: 'Expect breaks the client library, or has a body asked for before anybody is known',
    origin: 'RFC 9110 section 10.1.1; measured with undici',
    required: 'an allowed request completes and its Expect goes no further; a refused one is never told to go on'
  },
  F04: {
    story: 'a stranger\'s forwarding headers are believed',
    origin: 'CVE-2026-3635 (fastify), CVE-2026-16732, CVE-2025-41235 (Spring Cloud Gateway), CVE-2026-33495 (oathkeeper), CVE-2026-57210, CVE-2026-39858, CVE-2026-35051 (heimdall, traefik)',
    required: 'they are dropped and written anew from the socket; rules, limits and Location see nothing of them'
  },
  F06: {
    story: 'a Host that can be read in two ways',
    origin: 'RFC 9112 section 3.2',
    required: '400 for two of them, an empty one, a path, a user, a list, and none at all in HTTP/1.1'
  },
  F07: {
    story: 'an answer for one user is given to another, out of a cache or to a request that was joined to theirs',
    origin: 'CVE-2026-9678 and its class',
    required: 'each request reaches the ERP, however cacheable its answers; Cache-Control is what the policy says where it says so'
  },
  F08: {
    story: 'trace headers that are malformed or sent twice',
    origin: 'W3C Trace Context',
    required: 'dropped with the state that belongs to them, no 5xx, nothing of them in a log'
  },
  F10: {
    story: 'headers past a parser\'s limit are dropped silently, and with them what they would have said',
    origin: 'measured with Node\'s maxHeadersCount',
    required: '431 and the end of the connection, or all of them are seen; never a part',
    differs: 'their size is limited, not their number: two thousand short ones pass, and the one after them counts as the first does'
  },
  F11: {
    story: 'a request of the proxy\'s own takes the caller\'s credentials along',
    origin: 'CVE-2026-41181 (traefik)',
    required: 'what the gateway asks the IdP, and what it asks the ERP a second time, carries none of them; a redirect is not followed'
  }
}
