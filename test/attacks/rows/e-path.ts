import type { Section } from '../gauntlet.ts'

/** Path: what a rule is matched against, and what the system behind the gateway makes of the same bytes. */
export const path: Section = {
  E01: {
    story: 'the rule is matched on the raw path, and the path that goes out has its dot segments taken away',
    origin: 'CVE-2026-33494 (oathkeeper), CVE-2026-42274 (heimdall), CVE-2019-9901 (Envoy), CVE-2021-27306 (Kong); reproduced with the stock packages',
    required: '400 for a dot segment anywhere'
  },
  E02: {
    story: 'a dot segment is spelled %2e, which the matcher keeps and the next reader decodes',
    origin: 'the advisories of E01; reproduced with the stock packages',
    required: '400 for an encoded dot, in either letter case'
  },
  E03: {
    story: 'two dots, plain, encoded or half encoded, climb out of the prefix',
    origin: 'CVE-2025-66415 / GHSA-2q7r-29rg-6m5h (@fastify/reply-from), CVE-2021-21321 and CVE-2021-21322 (@fastify/reply-from, @fastify/http-proxy), CVE-2025-32431 and CVE-2025-47952 (traefik)',
    required: '400 in every spelling'
  },
  E04: {
    story: 'an upgrade is routed by code of its own, where dot segments collapse after the prefix was checked',
    origin: 'CVE-2026-15631 / GHSA-7hrw-592w-9wh2 (@fastify/http-proxy up to 11.5)',
    required: '400 for each spelling, as a plain request and as an upgrade'
  },
  E06: {
    story: 'a backslash is a letter to the matcher and a slash to whoever parses the path as a URL',
    origin: 'reproduced with the stock packages; the class of CVE-2021-29492',
    required: '400 for a backslash anywhere in the path'
  },
  E07: {
    story: 'an encoded slash or backslash joins two segments for the matcher only',
    origin: 'CVE-2021-29492 (Envoy), CVE-2026-42272 (heimdall), CVE-2025-66490 (traefik)',
    required: '400 for %2f and %5c in either letter case'
  },
  E08: {
    story: 'the path is encoded twice or more, for a server that decodes twice',
    origin: 'a class of its own; payload lists have hundreds of them',
    required: '400 for an escape that decodes to a percent sign'
  },
  E09: {
    story: 'a matrix parameter hides a segment from the matcher, and the server cuts it off',
    origin: 'CVE-2026-73551, CVE-2026-73511 and CVE-2026-73553 (Envoy), CVE-2018-1199 (Spring), CVE-2020-1957 (Shiro), CVE-2020-5902 (F5)',
    required: '400 for a semicolon anywhere in the path, plain or encoded'
  },
  E10: {
    story: 'slashes that stand twice are merged by one side only',
    origin: 'CVE-2026-33804 (@fastify/middie), CVE-2026-33808 (@fastify/express), merge_slashes of nginx',
    required: '400 for an empty segment'
  },
  E11: {
    story: 'a letter of a literal is written as an escape, so that the literal does not match',
    origin: 'CVE-2026-22031 (@fastify/middie)',
    required: '400 or 403'
  },
  E13: {
    story: 'the server trims what stands at the edge of a segment: spaces, tabs, dots, characters that nobody sees',
    origin: 'CVE-2016-5007 (Spring), CVE-2020-17523 (Shiro); file names on Windows',
    required: '400 for control and zero-width characters, for white space at an edge of a segment, and for dots at its end where another rule is met without them; a space inside a segment passes as sent'
  },
  E14: {
    story: 'a line break in a segment ends what the pattern looks at; a pattern without its first slash matches nothing, or all',
    origin: 'CVE-2022-22978, CVE-2023-34034 and CVE-2023-20860 (Spring), CVE-2022-32532 (Shiro)',
    required: '400 for an encoded line break; such a pattern is refused at load'
  },
  E15: {
    story: 'a fragment in the request target: one side matches what stands before it, the other all of it',
    origin: 'CVE-2023-45539 (HAProxy), CVE-2026-41059 (oauth2-proxy), CVE-2023-47106 (traefik), CVE-2021-39156 (istio)',
    required: '400 for a raw #, and for its escape in a path'
  },
  E17: {
    story: 'the target is a whole URL, an opaque one, an authority, or no path at all, and another host is meant by it',
    origin: 'RFC 9112 section 3.2; CVE-2025-58362 (hono), CVE-2026-88009 (traefik)',
    required: '400, and no host that the caller named is ever called'
  },
  E18: {
    story: 'the path is handed to the HTTP client as a URL, and names a host of its own',
    origin: 'CVE-2022-35949 / GHSA-8qr4-xgw6-wmr3 (undici before 5.8.2)',
    required: 'the host in the path sees no connection'
  },
  E20: {
    story: 'a prefix matches beyond the end of its last segment',
    origin: 'the alias of nginx, GHSA-gx7w-56w6-g48x (Caddy), CVE-2026-55602 (http-proxy-middleware)',
    required: '404 for what only begins like the prefix'
  },
  E21: {
    story: 'a parameter longer than a limit of the router does not match, and the broad rule answers',
    origin: 'measured with find-my-way, whose limit is 100 characters',
    required: 'the narrow rule whatever the length, or 414'
  },
  E22: {
    story: 'a method that the narrow rule does not list falls through to the broad one',
    origin: 'measured with find-my-way',
    required: '405 with the methods of that very path'
  },
  E23: {
    story: 'a slash at the end misses the narrow rule and meets the broad one',
    origin: 'measured with find-my-way',
    required: 'never the broad rule',
    differs: 'The documented answer is 400 rather than the narrow rule or 404: with and without its last slash the path would be the path of two rules.'
  },
  E24: {
    story: 'a parameter that has a pattern of its own does not match it, and the broad rule answers',
    origin: 'measured with find-my-way',
    required: '404 or 403, never the broad rule',
    differs: 'Parameters have no patterns: such a match is refused at load. What a parameter must look like is said in `where`, and one that does not is 403 by the narrow rule.'
  },
  E25: {
    story: 'two parameters in one segment make matching quadratic in the length of a path that an attacker chose',
    origin: 'CVE-2024-45813 (find-my-way)',
    required: 'two parameters in a segment are refused at load, and no path is slow to match'
  },
  E26: {
    story: 'escapes that are broken, overlong or no UTF-8 are read in as many ways as there are readers',
    origin: 'a class of its own: IIS, Tomcat, PHP',
    required: '400 for each of them, and for bytes that should have been escaped'
  },
  E27: {
    story: 'a line break in the target becomes one on the wire to the next server, with a header behind it',
    origin: 'CVE-2022-31150 (undici)',
    required: '400 for a raw one; an encoded one is refused in a path and stays encoded in a query; no header is added'
  },
  E28: {
    story: 'the Host header in another spelling picks another rule',
    origin: 'CVE-2026-42273 (heimdall)',
    required: 'no spelling of Host changes the rule or the upstream'
  },
  E29: {
    story: 'lists of traversal payloads and of inputs that URL parsers stumble over, all of them',
    origin: 'PayloadsAllTheThings, web-platform-tests',
    required: 'what reaches the ERP is read alike by every reader, and was let through by the rule of that reading',
    differs: 'The lists are not at hand where this runs. The test makes its own from their building blocks, tens of thousands of traversals and thousands of odd URLs: all of them through the functions that guard the path, a sample of both through the socket.'
  }
}
