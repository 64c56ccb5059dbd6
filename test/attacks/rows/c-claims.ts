import type { Section } from '../gauntlet.ts'

export const claims: Section = {
  C01: {
    story: 'an iss that is a list passes because one of its entries is trusted',
    origin: 'CVE-2025-30144; fast-jwt before 5.0.6',
    required: '401 for an iss that is anything but the one string; also where it is nested thousands deep'
  },
  C02: {
    story: 'an iss that only resembles the trusted one passes, or is not compared at all',
    origin: 'CVE-2024-53861 (PyJWT), CVE-2026-22748 (Spring Security)',
    required: '401 for a prefix, a suffix, a part, other letter case, a slash, user info, a default port, punycode'
  },
  C03: {
    story: 'an issuer that nobody knows counts as no credential, and no credential is let through',
    origin: 'CVE-2021-21378; Envoy jwt_authn',
    required: '401 on each route that requires anybody; 400 for a second Authorization of another scheme'
  },
  C04: {
    story: 'an empty aud, or one of another type, passes for the right one',
    origin: 'CVE-2020-26160; jwt-go',
    required: '401 but for the audience itself, as text or in a list of texts'
  },
  C05: {
    story: 'a check is left out when its claim is',
    origin: 'by design of several libraries, fast-jwt among them',
    required: '401 without iss, aud, exp, or all of them',
    differs: 'without sub or client_id the token is genuine and nothing proves whose it is: an unknown principal, which no rule admits, 403'
  },
  C06: {
    story: 'the audience of one route opens another',
    origin: 'CVE-2024-5798; Vault',
    required: 'the token for A is refused by the route for B and the other way round; one for both opens both',
    differs: '403: both are audiences of this API, the route is what asks for one of them'
  },
  C08: {
    story: 'a token that is not valid yet is a failure of the server',
    origin: '@fastify/jwt, whose error for it has no status of its own',
    required: '401'
  },
  C09: {
    story: 'a token that is issued in the future, or at no time at all, is as good as another',
    origin: 'fast-jwt, unless an age is asked for',
    required: '401 for an iat ahead of the clock or of another type, and for an exp past all time',
    differs: 'an absent iat and a long life pass: RFC 9068 leaves the life of a token to the issuer, and no setting here bounds it'
  },
  C10: {
    story: 'a tolerance of 30 is taken for milliseconds by one layer and for seconds by another',
    origin: '@fastify/jwt, clockTolerance',
    required: 'with 30 s: what ended 29 s ago passes, what ended 31 s ago does not'
  },
  C11: {
    story: 'an infinite tolerance switches the checks of time off',
    origin: 'CVE-2026-107721, GHSA-687g-22h4-j4w4; fast-jwt',
    required: 'refused at load: infinite, negative, without a unit, beyond 300 s'
  },
  C13: {
    story: 'what was remembered of a token on one route opens another one that asks for more',
    origin: 'GHSA-qvp4-rpmr-xwrr, CVE-2021-32701, CVE-2026-33496; ory oathkeeper',
    required: '403 (of another issuer 401) on the route that asks for more, whichever comes first'
  },
  C14: {
    story: 'two tokens share one entry of the cache, and one caller acts as another',
    origin: 'CVE-2026-35039, GHSA-rp9m-7r4c-75qg; fast-jwt with a cache key of its own',
    required: 'a thousand tokens of one subject, each seen by the ERP with its own claims'
  },
  C15: {
    story: 'claims that are remembered are changed by whoever used them first',
    origin: 'fast-jwt, measured: cached payloads are one shared, mutable object',
    required: 'nothing of a remembered principal can be changed; the second route sees what the first saw'
  },
  C17: {
    story: 'an address of two @ passes a rule for a domain',
    origin: 'CVE-2026-40574; oauth2-proxy',
    required: 'no match for two @, a final dot, a dot or letter that only looks alike',
    differs: 'no condition compares ends of claims; a where with endsWith means what it says, so the documentation gives the expression for a domain, and that is what is tried'
  },
  C18: {
    story: 'a pattern of the policy takes hours over one claim',
    origin: 'CVE-2026-35041, GHSA-cjw9-ghj4-fwxf; fast-jwt',
    required: 'patterns are refused at load, or are no patterns'
  },
  C19: {
    story: 'a pattern with a memory accepts a token every second time',
    origin: 'CVE-2026-35040, GHSA-3j8v-cgw4-2g6q; fast-jwt with the flags g and y',
    required: 'the same token ten times, ten times the same answer, for each kind of condition'
  },
  C20: {
    story: 'a claim that goes into a header brings headers of its own, or breaks the request',
    origin: 'gateways that copy claims; undici refuses such a value, which makes a 500',
    required: 'line ends, NUL, separators, text beyond Latin-1 and 5 kB arrive percent-encoded in one header, or not at all'
  }
}
