import type { Section } from '../gauntlet.ts'

/** What an ERP answers: with malice, by mistake, or because somebody made it. */
export const answers: Section = {
  H01: {
    story: 'a Trailer header beside a Content-Length ends the process',
    origin: 'measured: @fastify/reply-from 12.6.5 on Node passes the header on, and node:http throws ERR_HTTP_TRAILER_INVALID where nobody catches it',
    required: 'the answer without the header, and the process lives'
  },
  H03: {
    story: 'headers that tell what the ERP is, or hand out its session, reach the caller',
    origin: 'a class of leaks: Server, X-Powered-By, Set-Cookie, WWW-Authenticate, X-Debug-*, an echo of Authorization',
    required: 'removed by the fixed list and by the operator\'s own; Set-Cookie never passes unless somebody asks for it',
    differs: 'there is nothing to ask with: `keep` of a cookie is refused at load. What is on no list (X-Debug-*) passes until `response_headers.remove` names it, as documented'
  },
  H04: {
    story: 'an ERP that repeats its request in the answer gives the machine token away',
    origin: 'a class of leaks: TRACE, debug pages, error pages, and hints that come before the answer',
    required: 'no header of any answer, interim ones included, holds the token that was shown; nor does any answer or log line of the gateway\'s own',
    differs: 'bodies are never rewritten, by contract: an ERP that prints its request into a page has to be mended'
  },
  H05: {
    story: 'the ERP\'s 401 to the gateway is shown to the caller, who logs in again and again',
    origin: 'a class: the challenge is about the machine token',
    required: 'one new token and one retry, else 502; the caller never sees 401 or the challenge'
  },
  H06: {
    story: 'a redirect is followed with the credentials, or its Location tells where the ERP is',
    origin: 'CVE-2022-31151, CVE-2023-45143, CVE-2024-30260 (undici); measured: reply-from replaces text in `//evil/erp`',
    required: 'not followed, no connection to where it points; no Location names the ERP; a relative one leads to the gateway\'s own path',
    differs: 'another port or scheme of the ERP\'s host is another origin, which the contract leaves as it is: only what lies under the upstream\'s URL is rewritten'
  },
  H08: {
    story: 'an answer with broken framing is relayed, or becomes a 500 in a library\'s words',
    origin: 'measured: length and chunks at once, two lengths, bare line feeds, garbage, status 999, a head beyond the limit, interim answers without end',
    required: '502 in fixed words; interim answers without end grow no memory'
  },
  H09: {
    story: 'an answer that was cut off arrives as a whole one',
    origin: 'a class: a length that is not reached, chunks without the last one, a reset where only the end of the connection ends the body',
    required: 'the caller\'s connection is broken, for HTTP/1.0 by a reset; never a well-formed whole answer'
  },
  H11: {
    story: 'an interim answer is taken for the answer, or for garbage',
    origin: 'RFC 9110 section 15.2; measured: undici closes the connection on a 100 that it did not ask for',
    required: 'after 102 and 103 the final 200; after a 100 that nobody asked for too',
    differs: 'an unasked 100 is 502 upstream-answer-invalid: undici ends the connection before the gateway sees anything, see docs/security.md. `Expect` never goes to the ERP, so that a server has no reason to send one'
  },
  H13: {
    story: 'the text of a library\'s error reaches the caller',
    origin: 'CVE-2022-29266 (APISIX), CVE-2025-62168 (Squid); measured: "connect ECONNREFUSED 127.0.0.1:1", "The iss claim value is not allowed."',
    required: 'fixed words: no address, no port, no path, no code of a library'
  },
  H14: {
    story: 'every failure of the ERP is a 500, and nobody knows whose it was',
    origin: 'measured: reply-from answers 500 for refused, reset and TLS',
    required: '502 for refused, reset, TLS and an unknown name, 504 for one that is too slow, each with its own word'
  },
  H15: {
    story: 'a small compressed answer of the IdP fills the memory',
    origin: 'CVE-2026-22036 (undici), and codings upon codings',
    required: 'given up at a limit of bytes, whatever they would become',
    differs: 'nothing is ever decompressed: it is asked not to be, and an answer that is compressed anyway is refused'
  }
}
