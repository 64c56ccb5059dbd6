import type { Section } from '../gauntlet.ts'

/** Callers that are too many, or make one request cost too much. */
export const abuse: Section = {
  J01: {
    story: 'the limit is asked after the token is verified, and a flood of bad tokens is never limited',
    origin: 'measured: @fastify/rate-limit adds its hook per route, after those of the whole app',
    required: '429 after so many, before anything is verified'
  },
  J02: {
    story: 'what meets no route is not counted',
    origin: 'measured: @fastify/rate-limit, 404 for ever',
    required: '429 after so many, whatever is asked',
    differs: 'bytes that are no HTTP request are none to count: each is 400 and costs its connection'
  },
  J03: {
    story: 'a caller gives itself another address with each request',
    origin: 'CVE-2025-66508, GHSA-9g5q-2w5x-hmxf (chi), and every trustProxy: true',
    required: '429: an address is the peer\'s, or what a proxy that is named saw'
  },
  J04: {
    story: 'one caller has many counters by spelling: of the path, of the method, of its address',
    origin: 'a class; measured: an IPv6 caller owns 2^64 addresses, and some proxies write the port beside the address',
    required: 'one counter per caller, whose key never holds the URL'
  },
  J06: {
    story: 'a flood of addresses makes the counters forget who was limited',
    origin: 'measured: the store of @fastify/rate-limit keeps 5,000 addresses',
    required: 'the limit holds, up to a number that is documented (100,000)'
  },
  J07: {
    story: 'a limiter that fails lets everything through',
    origin: '@fastify/rate-limit: skipOnError',
    required: 'closed, and documented',
    differs: 'the counters are in memory, there is no store to configure, and none to lose: were counting to throw, it is a failure of ours, 500, and nothing passes'
  },
  J08: {
    story: 'one header takes seconds to read',
    origin: 'CVE-2026-69207 (hono) and its class: quadratic parsing of lists',
    required: 'a few milliseconds of CPU for a header of 15 kB of separators, whichever it is'
  }
}
