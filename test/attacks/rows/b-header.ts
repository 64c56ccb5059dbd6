import type { Section } from '../gauntlet.ts'

const ONE_ANSWER = '401 with the one fixed answer, and the ERP sees nothing'
const NO_JWT = 'what is no compact JWS is told to ask for a JWT with an audience, whatever it is instead'

export const header: Section = {
  B01: {
    story: 'a header parameter that had to be understood (crit) was passed over',
    origin: 'CVE-2026-35042 / GHSA-hm7r-c7qw-ghp6 (fast-jwt before 6.2.0), CVE-2026-32597 (PyJWT), CVE-2025-59420 (Authlib); RFC 7515 section 4.1.11',
    required: `${ONE_ANSWER}, where crit is empty, null or of another type too`
  },
  B02: {
    story: 'a payload that is not encoded, or not there, was verified as another than was read',
    origin: 'CVE-2026-48525 (PyJWT); RFC 7797',
    required: ONE_ANSWER
  },
  B03: {
    story: 'a JWS in JSON was mixed with a compact one, so that one payload was verified and another read',
    origin: 'CVE-2022-39227 (python-jwt)',
    required: '401, and the ERP sees nothing',
    differs: `JSON itself is no token of RFC 6750 section 2.1: a malformed Authorization is a 400; ${NO_JWT}`
  },
  B05: {
    story: 'a compressed token unfolded into all of the memory',
    origin: 'CVE-2024-28176 (jose), CVE-2024-28180 (go-jose), CVE-2025-63811 (jose2go)',
    required: '401, nothing is inflated',
    differs: NO_JWT
  },
  B06: {
    story: 'an encrypted token with empty parts ended the process',
    origin: 'CVE-2026-34986 (go-jose)',
    required: '401, and the ERP sees nothing',
    differs: NO_JWT
  },
  B07: {
    story: 'one token had several spellings: padding, white space, another alphabet, bits that do not count',
    origin: 'Wycheproof, base64; RFC 7515 section 2; RFC 4648 section 3.5',
    required: ONE_ANSWER,
    differs: 'what RFC 6750 section 2.1 does not let into the header at all is a 400; white space at the end of a header belongs to HTTP, not to the token (RFC 9110 section 5.5)'
  },
  B10: {
    story: 'a header or a payload of an odd shape was a failure of the server: no object, no UTF-8, thousands deep',
    origin: 'measured with fast-jwt; RFC 8259',
    required: '401, or the usual way where it is an object after all; never a 5xx',
    differs: `${NO_JWT}, so that a header that cannot be read is told so`
  },
  B11: {
    story: 'a huge token was more than the server took',
    origin: "measured; Node's limit for headers",
    required: '401 up to the limit for headers, 431 and the end of the connection above it'
  },
  B12: {
    story: 'claims with the names of what every object inherits satisfied rules, or changed all objects',
    origin: 'prototype pollution, many libraries',
    required: '403, by own properties only, and Object.prototype as it was'
  },
  B13: {
    story: 'an ID token opened an API',
    origin: 'OpenID Connect Core section 2; RFC 9068 section 4',
    required: '401: an ID token is called one, and whatever else is wrong with it is told'
  },
  B14: {
    story: 'a token that the issuer made for another purpose opened an API',
    origin: 'RFC 8725 section 2.8: logout tokens, DPoP proofs, security events, client assertions, SD-JWTs, entity statements',
    required: '401, and the ERP sees nothing'
  },
  B15: {
    story: 'what looked like the type of an access token was taken for it',
    origin: 'measured with fast-jwt; RFC 9068 section 4, RFC 7515 section 4.1.9',
    required: 'at+jwt and application/at+jwt in any letter case; 401 for all else'
  }
}
