import type { Section } from '../gauntlet.ts'

/** What is wrong with a token before its signature is verified is one answer: which check it was is nobody's to know. */
const ONE_ANSWER = '401 with the one fixed answer, and the ERP sees nothing'
const NO_KEY_AT_ALL = 'where such keys are all that the issuer publishes it is a 503: its keys cannot be had, and its callers did nothing wrong'

export const signature: Section = {
  A01: {
    story: 'a token that says alg none, in any letter case, passed without a signature',
    origin: 'CVE-2015-9235, CVE-2022-23540 (jsonwebtoken)',
    required: ONE_ANSWER
  },
  A02: {
    story: 'the public RSA key, as text, served as the secret of an HMAC',
    origin: 'CVE-2016-10555, CVE-2022-23541 (jsonwebtoken), CVE-2023-48223 / GHSA-c2ff-88x2-x9pg (fast-jwt)',
    required: ONE_ANSWER
  },
  A03: {
    story: 'white space in front of the PEM hid the public key from the check that should have stopped the same trick',
    origin: 'CVE-2026-34950 / GHSA-mvf2-f6gm-w987 (fast-jwt before 6.2.0)',
    required: ONE_ANSWER
  },
  A04: {
    story: 'any other byte in front of the PEM hid it again: a hash, a byte order mark, a zero-width space, a header line',
    origin: 'CVE-2026-107722 / GHSA-ww5h-9m49-7xx4 (fast-jwt 6.2)',
    required: `${ONE_ANSWER}; no PEM is taken from configuration at all`,
    differs: 'what is no JSON with such a prefix is no key set, so that genuine tokens get 503 until it is; a byte order mark in front of JSON may be ignored (RFC 8259 section 8.1), and is'
  },
  A05: {
    story: 'the key set that everybody can fetch, to the byte, served as the secret of an HMAC',
    origin: 'CVE-2026-107724 / GHSA-g3jj-5cmm-3hxx (fast-jwt 6.2.4)',
    required: ONE_ANSWER
  },
  A06: {
    story: 'a key look-up that found nothing gave an empty secret, with which anybody can sign',
    origin: 'CVE-2026-44351 / GHSA-gmvf-9v4p-v8jc (fast-jwt before 6.2.4)',
    required: ONE_ANSWER
  },
  A07: {
    story: 'where the key was empty the signature was not looked at',
    origin: 'CVE-2026-107720 / GHSA-8wpc-h4q6-8fxv (fast-jwt up to 6.3.0)',
    required: 'what is empty in configuration ends the start, and an issuer whose set holds nothing lets nobody in',
    differs: 'an issuer without any key is a 503: its keys cannot be had, whatever the token is'
  },
  A08: {
    story: 'the token itself chose the algorithm where its key named none',
    origin: 'CVE-2026-22817, CVE-2026-22818 (Hono)',
    required: ONE_ANSWER
  },
  A09: {
    story: 'the algorithm that the key names stood in for the list that the operator wrote',
    origin: 'CVE-2026-48523 / GHSA-jq35-7prp-9v3f (PyJWT 2.9 to 2.12)',
    required: ONE_ANSWER,
    differs: NO_KEY_AT_ALL
  },
  A10: {
    story: 'the type of the key, or its curve, did not have to be that of the algorithm',
    origin: 'CVE-2022-23539 / GHSA-8cf7-32gw-wr33 (jsonwebtoken)',
    required: ONE_ANSWER
  },
  A11: {
    story: 'an ECDSA signature of zeros, or of the order of the curve, fitted every message',
    origin: 'CVE-2022-21449 (Java)',
    required: ONE_ANSWER
  },
  A12: {
    story: 'a signature in DER, or of another length than its curve asks for, was a failure or passed',
    origin: 'Wycheproof, JWS with ECDSA; RFC 7518 section 3.4',
    required: ONE_ANSWER
  },
  A13: {
    story: 'the token brought its own key along in its header',
    origin: 'CVE-2018-0114 (node-jose)',
    required: `${ONE_ANSWER}; with a known kid the IdP is not asked`
  },
  A14: {
    story: 'the token said where to fetch its key, or brought its certificate',
    origin: 'jku, x5u and x5c of RFC 7515 section 4.1; CWE-918, many libraries',
    required: `${ONE_ANSWER}; nobody is called`
  },
  A15: {
    story: 'the kid went into a path, a query or a URL',
    origin: 'injection by kid, many libraries',
    required: `${ONE_ANSWER}; the IdP is asked within the budget, at its one address, and no log line is long`
  },
  A17: {
    story: 'half of a surrogate pair in the kid was an exception that nobody caught',
    origin: 'measured with get-jwks, where it is a 500',
    required: ONE_ANSWER
  },
  A19: {
    story: 'keys were remembered by kid alone, so that one issuer vouched for the tokens of another',
    origin: 'CVE-2026-49998 / GHSA-g6vg-wj8f-48cj (Centrifugo)',
    required: ONE_ANSWER
  },
  A20: {
    story: 'a claim that nobody had verified decided where keys are fetched, even from the claim itself by data:',
    origin: 'CVE-2026-32301 / GHSA-j77h-rr39-c552 (Centrifugo); measured with get-jwks without a list of issuers',
    required: `${ONE_ANSWER}; nobody is called`
  },
  A21: {
    story: 'keys were fetched from a file, from a data: URL, or from where a cloud hands out credentials',
    origin: 'CVE-2026-41413 / GHSA-fgw5-hp8f-xfhc (Istio), CVE-2026-48522 (PyJWT)',
    required: 'such a URL ends the start, and one that a discovery document names is not called'
  },
  A23: {
    story: 'the document of another issuer lent its keys',
    origin: 'CVE-2025-46647 (APISIX)',
    required: 'its keys are not fetched; 503, since ours cannot be had'
  },
  A24: {
    story: 'a key that was taken out of the set stayed trusted for as long as somebody used it',
    origin: 'CVE-2025-22149 / GHSA-675f-rq2r-jw82 (jwkset); measured with get-jwks',
    required: '401 from the next refresh on, remembered tokens too; that is 5 minutes at most'
  },
  A25: {
    story: 'an answer of the IdP that is no key set ended the process',
    origin: 'CVE-2024-45809, CVE-2025-64527 (Envoy)',
    required: '503 without delay, the process lives, and the next good answer is used'
  },
  A26: {
    story: 'an IdP that does not come to an end held every request up',
    origin: 'measured with get-jwks, whose time limit is no option of fetch',
    required: '200 at once where the key is known, else 503 within the 5 s that a request waits'
  },
  A27: {
    story: 'a key set without an end filled the memory',
    origin: 'CVE-2026-26998 / GHSA-fw45-f5q2-2p4x (Traefik)',
    required: '503, in bounded memory'
  },
  A28: {
    story: 'each invented kid cost the IdP a request',
    origin: 'unknown kid floods, measured with get-jwks and jwks-rsa',
    required: 'two requests to the IdP at once, then one in half a minute, and no valid token is refused meanwhile'
  },
  A30: {
    story: 'once keys were old every request asked the failing IdP again',
    origin: 'measured with get-jwks',
    required: 'one request to the IdP per pause, and 200 for keys in hand'
  },
  A31: {
    story: 'keys that can be broken verified signatures: RSA of 1024 bits, of exponent 1, with the fingerprint of ROCA',
    origin: 'Wycheproof, JWK; CVE-2017-15361',
    required: 'such a key is not used: 401',
    differs: NO_KEY_AT_ALL
  },
  A32: {
    story: 'a key that its owner published for encryption verified signatures',
    origin: 'Wycheproof, JWK; RFC 7517 sections 4.2 and 4.3',
    required: 'such a key is not used: 401',
    differs: NO_KEY_AT_ALL
  },
  A33: {
    story: 'a secret among the public keys, two keys of one name, keys without a name',
    origin: 'Wycheproof, JWK',
    required: '401: a secret is no key, a name of two keys names neither, and no name is good only for the one key of a set',
    differs: NO_KEY_AT_ALL
  },
  A34: {
    story: 'a key on secp256k1 verified ES256',
    origin: 'measured with fast-jwt',
    required: 'such a key is not used: 401',
    differs: NO_KEY_AT_ALL
  },
  A35: {
    story: 'the runtime compared HMACs in a time that told how much of them was right',
    origin: 'CVE-2026-21713 (Node)',
    required: 'no HMAC is taken, and the start speaks of a Node from before the fix'
  },
  A36: {
    story: 'requests that were verified at the same time got the result of one another',
    origin: 'CVE-2026-71326 / GHSA-6765-c87h-8mrf (Traefik)',
    required: 'each token gets its own verdict, and each request its own principal'
  }
}
