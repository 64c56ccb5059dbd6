import type { Section } from '../gauntlet.ts'

/** Where one request ends and the next begins: everything that two parsers could see differently. */
export const framing: Section = {
  G01: {
    story: 'Content-Length and Transfer-Encoding in one request',
    origin: 'RFC 9112 section 6.1; CL.TE and TE.CL smuggling',
    required: '400 and the end of the connection, in either order; what follows is never a request'
  },
  G02: {
    story: 'a Transfer-Encoding or Content-Length that one parser sees and another does not',
    origin: 'CVE-2022-32213, CVE-2022-35256, CVE-2023-30589, CVE-2024-27982, CVE-2025-23167 (Node)',
    required: '400 and the end of the connection'
  },
  G03: {
    story: 'a transfer coding before chunked is accepted and dropped',
    origin: 'RFC 9112 section 6.1; measured with Node',
    required: '400 and the end of the connection for every coding but chunked'
  },
  G04: {
    story: 'chunks in HTTP/1.0, which has none',
    origin: 'CVE-2026-2835 (Pingora)',
    required: '400; a kept HTTP/1.0 connection frames its requests like the rest'
  },
  G05: {
    story: 'chunk extensions that are passed on, misread, or endless',
    origin: 'CVE-2025-55315 (Kestrel), CVE-2024-22019 (Node)',
    required: 'the body goes on framed anew and without them, or 400; 64 kB of them are a 400'
  },
  G06: {
    story: 'a bare LF ends a line of chunked framing',
    origin: 'CVE-2025-22871 (Go)',
    required: '400 and the end of the connection'
  },
  G07: {
    story: 'a header without a name',
    origin: 'CVE-2023-25725 (HAProxy)',
    required: '400 and the end of the connection'
  },
  G08: {
    story: 'a Content-Length that overflows, is empty, or is said twice',
    origin: 'CVE-2021-40346, CVE-2023-40225 (HAProxy)',
    required: '400 and the end of the connection'
  },
  G09: {
    story: 'two Content-Length headers go to the ERP, in different spellings',
    origin: 'CVE-2026-1525 / GHSA-2mjp-6q6p-2qxm (undici)',
    required: 'one, and the right one; none beside chunks'
  },
  G11: {
    story: 'pipelined requests and their answers fall out of step',
    origin: 'RFC 9112 section 9.3.2',
    required: 'one answer for each, in order, and nothing after the first request that is not well-formed; those before it keep their answers',
    differs: 'a 400 about the target alone leaves the connection open: where such a request ends is beyond doubt'
  },
  G12: {
    story: 'versions of HTTP that nobody speaks here are served',
    origin: 'RFC 9112 section 2.3; measured with Node',
    required: '400 and the end of the connection for all but HTTP/1.0 and 1.1'
  },
  G13: {
    story: 'an upgrade to h2c opens a tunnel around the rules',
    origin: 'CVE-2022-41721 (Go), CVE-2021-21295 (Netty)',
    required: 'the upgrade is ignored: the usual answer, never a 101; nothing of it goes to the ERP'
  },
  G14: {
    story: 'a WebSocket upgrade goes around the rule, the machine token and the removal of cookies',
    origin: 'measured with @fastify/http-proxy',
    required: '400, with a token and without, on any path; never a 101'
  },
  G15: {
    story: 'bytes after CONNECT, an upgrade or an ERP\'s 101 are taken for what they are not',
    origin: 'CVE-2025-64763 (Envoy), CVE-2026-73548, CVE-2026-71324 (traefik)',
    required: 'CONNECT is refused and the connection ended; early bytes are the next request at most; a 101 of the ERP\'s is a 502, and its connection serves nobody else',
    differs: 'CONNECT is a 400, as every target is that does not begin with a slash'
  },
  G18: {
    story: 'methods that are dangerous, unknown, or a word of the language',
    origin: 'CVE-2026-47219 / GHSA-c96f-x56v-gq3h (find-my-way)',
    required: '405 or 400, and the ERP sees nothing'
  },
  G19: {
    story: 'a target that is an asterisk reaches the ERP',
    origin: 'RFC 9112 section 3.2.4; measured with @fastify/http-proxy',
    required: '400, and the ERP sees nothing'
  }
}
