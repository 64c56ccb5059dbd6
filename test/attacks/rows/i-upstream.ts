import type { Section } from '../gauntlet.ts'

/** Between the gateway and what it calls: TLS, time, retries, bytes, and its own token. */
export const upstream: Section = {
  I01: {
    story: 'the machine token goes to whoever answers at the ERP\'s address',
    origin: 'measured: reply-from sets rejectUnauthorized to false where it is not said; CVE-2025-66491 (Traefik), CVE-2022-32210 (undici), CVE-2026-31923, CVE-2026-22750',
    required: '502, and the impostor sees no byte of a request'
  },
  I02: {
    story: 'the client secret or the trust in keys goes to whoever answers at the IdP\'s address',
    origin: 'the same class, for discovery, keys and token requests; NODE_TLS_REJECT_UNAUTHORIZED=0 left over in an environment',
    required: '503 and nothing sent; no start with that variable'
  },
  I03: {
    story: 'a busy ERP is asked eleven times for each request',
    origin: 'measured: reply-from tries again ten times on a 503, takes the seconds of Retry-After for milliseconds, and never reads the bodies of what it threw away',
    required: 'one request; the 503 is the caller\'s, with its Retry-After; sockets go back to their number'
  },
  I04: {
    story: 'an order is placed twice because the connection was reset after it was sent',
    origin: 'a class: a request that is not idempotent is sent again',
    required: 'the ERP sees it once; 502'
  },
  I06: {
    story: 'an ERP that never answers, or a byte at a time, holds the caller for minutes',
    origin: 'undici\'s defaults: 300 s for headers and bodies, 10 s for a connection',
    required: '504 within the rule\'s timeout; a body that stands still breaks the caller\'s connection'
  },
  I07: {
    story: 'the ERP goes on working for a caller who left',
    origin: 'measured: reply-from cancels nothing before the answer\'s headers are there',
    required: 'the request to the ERP ends soon, before the answer, in mid-upload and in mid-download'
  },
  I08: {
    story: 'slow callers hold connections as long as they please',
    origin: 'measured: Fastify\'s requestTimeout is 0, one below Node\'s headersTimeout does nothing, and a refused upload keeps its connection',
    required: 'headers are cut at 10 s; a body that stands still at idle_timeout; a refused upload has `Connection: close` and its socket is gone in seconds',
    differs: 'a body that moves, however slowly, is not cut: `idle_timeout` is between two bytes. Before anybody is let through none of it is waited for'
  },
  I09: {
    story: 'a body limit does not hold for bodies that are streamed',
    origin: 'measured: @fastify/http-proxy forwards what bodyLimit should refuse',
    required: '413 before the ERP hears of it, or its request is broken off'
  },
  I10: {
    story: 'a text body arrives with its bytes replaced',
    origin: 'measured: Fastify reads text/plain as a string before the proxy sends it on',
    required: 'the same bytes, whatever Content-Type says'
  },
  I11: {
    story: 'a JSON body arrives as another number, or not at all',
    origin: 'measured: @fastify/http-proxy with preValidation parses and writes bodies anew',
    required: 'the same bytes, whatever they are'
  },
  I13: {
    story: 'a caller that does not read fills the memory',
    origin: 'CVE-2026-25224 (Fastify) and its class',
    required: 'the gateway\'s memory is bounded, and the ERP is held back'
  },
  I14: {
    story: 'a time limit that fires in the middle of an answer ends the process',
    origin: 'GHSA-3qgw-9275-xf8w (Fastify\'s handlerTimeout)',
    required: 'a broken connection, and the process lives',
    differs: '`timeout` ends with the answer\'s headers: an answer that goes on longer is whole. `idle_timeout` is what breaks one off'
  },
  I15: {
    story: 'a connection on which nothing comes, or a TLS handshake that stops, is held open',
    origin: 'CVE-2026-26999, CVE-2026-22045 (Traefik)',
    required: 'closed in 10 s',
    differs: 'the gateway ends no TLS itself: a handshake is no HTTP, and is answered 400 and closed'
  },
  I16: {
    story: 'a hundred callers make a hundred token requests, or one bad answer of the token endpoint is used',
    origin: 'a class: stampedes; lifetimes and tokens of any type',
    required: 'one token request; the others wait, with a deadline; 503 with a pause before the next; what is no token is not shown to the ERP',
    differs: 'a lifetime that is no number says nothing, and five minutes or the token\'s own `exp` count, as documented'
  },
  I17: {
    story: 'a redirect of the token endpoint carries the client secret elsewhere',
    origin: 'CVE-2026-33540 and its class: fetch follows a 307 with its body',
    required: 'not followed; 503'
  },
  I18: {
    story: 'a machine token ends while it is used, by this clock or another',
    origin: 'a class: short lives, lives of 0, clocks that are minutes apart',
    required: 'renewed before its end, never shown after it; a 401 of the ERP costs one new token and one retry where the body can be sent again'
  }
}
