import { createPublicKey, sign } from 'node:crypto'
import { createLocalJWKSet, jwtVerify, type JSONWebKeySet } from 'jose'
import t from 'tap'
import { ALGORITHMS } from '../../src/policy/algorithms.ts'
import { importKeySet } from '../../src/inbound/key-set.ts'
import { createVerifier, type TrustedIssuer } from '../../src/inbound/verify.ts'
import { PROFILES } from '../../src/policy/profiles/index.ts'
import { createKeyRing } from '../support/key-ring.ts'
import { apiAudience, createMints } from '../support/mint.ts'
import { createSigningKey, hmacKey, noKey, signature as signatureOf, signCompact } from '../support/signing-keys.ts'

// One instant for both: jose counts whole seconds.
const now = Math.floor(Date.now() / 1000) * 1000
const seconds = now / 1000
const issuer = 'https://idp.example.com/'
const maxTokenSize = 16 * 1024

const ring = await createKeyRing('RS256')
const rsa = ring.current
const ec = await ring.add('ES256')
const stranger = await createSigningKey('RS256', rsa.kid)
const { mintUser, mintClient, mintIdToken, sign: signToken } = createMints(issuer, ring, () => now)
const documents = { both: { keys: ring.published }, one: { keys: [rsa.publicJwk] } }

const claims = (more: object = {}): Record<string, unknown> => ({ iss: issuer, aud: apiAudience, sub: 'saas', client_id: 'saas', iat: seconds, exp: seconds + 300, ...more })
const header = (more: object = {}): Record<string, unknown> => ({ alg: 'RS256', kid: rsa.kid, typ: 'at+jwt', ...more })
const raw = (payload: string | Uint8Array): string => signToken(header(), payload)
const withHeader = (more: object): string => signToken(header(more), claims())
const good = mintUser()
const [head = '', payload = '', signature = ''] = good.split('.')
const encode = (value: string): string => Buffer.from(value).toString('base64url')

/** A signature's last character has bits that do not count: another spelling of the same bytes. */
function otherSpelling (text: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return text.slice(0, -1) + (alphabet[alphabet.indexOf(text.at(-1) ?? '') ^ 1] ?? '')
}

function derSigned (): string {
  const input = `${encode(JSON.stringify({ alg: 'ES256', kid: ec.kid, typ: 'at+jwt' }))}.${payload}`
  return `${input}.${ec.privateKey === undefined ? '' : sign('sha256', Buffer.from(input), ec.privateKey).toString('base64url')}`
}

/** Signed over an odd spelling, as no encoder writes it. */
function otherPayload (): string {
  const text = JSON.stringify(claims())
  const input = `${head}.${otherSpelling(encode(text.length % 3 === 0 ? `${text} ` : text))}`
  return `${input}.${signatureOf(input, rsa).toString('base64url')}`
}

const rsaPem = createPublicKey(rsa.privateKey ?? '').export({ type: 'spki', format: 'pem' })

const accepted: Record<string, string> = {
  "a user's": good,
  "a client's": mintClient(),
  'by the other key': mintUser({}, { key: ec }),
  'for this API among others': mintUser({ aud: ['https://other.example.com', apiAudience] }),
  'for ten years': mintUser({ exp: seconds + 315_360_000 }),
  'with fractions of a second': mintUser({ iat: seconds - 0.5, exp: seconds + 10.25, nbf: seconds - 0.001 }),
  'ended within the tolerance': mintUser({ exp: seconds - 4 }),
  'begins within the tolerance': mintUser({ nbf: seconds + 4 }),
  'without iat': mintUser({ iat: undefined }),
  'of the long media type': withHeader({ typ: 'application/at+jwt' }),
  'of the media type in capitals': withHeader({ typ: 'AT+JWT' }),
  'with header parameters that nobody reads': withHeader({ jku: 'https://evil.example.com', x5u: 'https://evil.example.com', cty: 'x', foo: [1] }),
  "with a stranger's key in its header": withHeader({ jwk: stranger.publicJwk }),
  'with a claim named __proto__': raw(JSON.stringify(claims()).replace('{', '{"__proto__":{"aud":"x"},')),
  'with text beyond ASCII': mintUser({ name: 'Zoë 🦊 \u0000' }),
  'with an algorithm named twice, the last one right': signToken(`{"alg":"none",${JSON.stringify(header()).slice(1)}`, claims()),
  'with an issuer named twice, the last one right': raw(`{"iss":"https://evil.example.com",${JSON.stringify(claims()).slice(1)}`),
  'with blanks around its JSON': raw(` \n${JSON.stringify(claims())}\t `)
}

const refused: Record<string, string> = {
  'an ID token': mintIdToken(),
  'of no type': withHeader({ typ: undefined }),
  'of type JWT': withHeader({ typ: 'JWT' }),
  'of a type that is a number': withHeader({ typ: 1 }),
  "signed by a stranger under the issuer's kid": mintUser({}, { key: stranger }),
  'with another signature': `${head}.${payload}.${mintUser().split('.')[2] ?? ''}`,
  'with another payload': `${head}.${encode(JSON.stringify(claims({ sub: 'admin' })))}.${signature}`,
  'with another header': `${encode(JSON.stringify(header({ x: 1 })))}.${payload}.${signature}`,
  'with a signature cut short': good.slice(0, -20),
  'with no signature': `${head}.${payload}.`,
  'of alg none, unsigned': signCompact({ alg: 'none', typ: 'at+jwt' }, claims(), noKey),
  'of alg None with a signature': withHeader({ alg: 'None' }),
  'of no alg': withHeader({ alg: undefined }),
  'of an alg that is a list': withHeader({ alg: ['RS256'] }),
  'signed by HMAC with the public key': signCompact(header({ alg: 'HS256' }), claims(), hmacKey(rsaPem)),
  "of another algorithm than its key's": signCompact(header({ alg: 'RS512' }), claims(), { ...rsa, alg: 'RS512' }),
  'of an algorithm of another family': signCompact(header({ alg: 'PS256' }), claims(), { ...rsa, alg: 'PS256' }),
  "under the other key's kid": withHeader({ kid: ec.kid }),
  'under an unknown kid': withHeader({ kid: 'unknown' }),
  'under an empty kid': withHeader({ kid: '' }),
  'under a kid that is a path': withHeader({ kid: '../../dev/null' }),
  'under a kid that is a list': withHeader({ kid: [rsa.kid] }),
  'with a DER signature': derSigned(),
  'of another issuer': mintUser({ iss: 'https://evil.example.com/' }),
  'of the issuer without its slash': mintUser({ iss: issuer.slice(0, -1) }),
  'of the issuer in capitals': mintUser({ iss: issuer.toUpperCase() }),
  'of no issuer': mintUser({ iss: undefined }),
  'of a list of issuers': mintUser({ iss: [issuer] }),
  'of an issuer named twice, the last one wrong': raw(`${JSON.stringify(claims()).slice(0, -1)},"iss":"https://evil.example.com"}`),
  'for another API': mintUser({ aud: 'https://other.example.com' }),
  'for an API whose name begins like ours': mintUser({ aud: `${apiAudience}.evil.example.com` }),
  'for no API': mintUser({ aud: undefined }),
  'for no API in a list': mintUser({ aud: [] }),
  'for a number': mintUser({ aud: 7 }),
  'for an object': mintUser({ aud: { [apiAudience]: true } }),
  'without an end': mintUser({ exp: undefined }),
  ended: mintUser({ exp: seconds - 5 }),
  'ended long ago': mintUser({ exp: 0 }),
  'ended before the beginning': mintUser({ exp: -1 }),
  'with an end that is text': mintUser({ exp: String(seconds + 300) }),
  'with an end that is null': mintUser({ exp: null }),
  'with an end that is a list': mintUser({ exp: [seconds + 300] }),
  'with an end that is true': mintUser({ exp: true }),
  'not valid yet': mintUser({ nbf: seconds + 6 }),
  'with a beginning that is text': mintUser({ nbf: String(seconds) }),
  'with an iat that is text': mintUser({ iat: String(seconds) }),
  'with a critical extension': withHeader({ crit: ['exp'], exp: seconds + 300 }),
  'with a critical extension that is not there': withHeader({ crit: ['foo'] }),
  'with an empty crit': withHeader({ crit: [] }),
  'with a crit that is null': withHeader({ crit: null }),
  'with an unencoded payload (RFC 7797)': withHeader({ crit: ['b64'], b64: false }),
  'with a list for a payload': raw('[1]'),
  'with text for a payload': raw('"text"'),
  'with null for a payload': raw('null'),
  'with nothing for a payload': `${head}..${signature}`,
  'with broken JSON': raw('{"iss":'),
  'with bytes that are no UTF-8': raw(Buffer.concat([Buffer.from(JSON.stringify(claims()).slice(0, -1)), Buffer.from(',"x":"\xff"}', 'latin1')])),
  'with a header that is no object': signToken('[]', claims()),
  'with a header that is no JSON': signToken('{alg:RS256}', claims()),
  'with two parts': `${head}.${payload}`,
  'with four parts': `${good}.${signature}`,
  'with five parts': `${head}.${signature}.${signature}.${payload}.${signature}`,
  'with a dot behind it': `${good}.`,
  'with a dot before it': `.${good}`,
  empty: '',
  opaque: signature.slice(0, 43),
  'with another alphabet': `${head}.${payload}.${signature.replace(/.$/, '!')}`
}

/** What jose takes and the gateway refuses, with the reason that the contract or an RFC gives. */
const stricter: Record<string, string> = {
  'issued in the future (iat beyond the tolerance)': mintUser({ iat: seconds + 6 }),
  'ends after the year 9999': mintUser({ exp: 253_402_300_800 }),
  'ends never (1e400 is Infinity in JavaScript)': raw(JSON.stringify(claims()).replace(/"exp":\d+/, '"exp":1e400')),
  'with an aud that names an API and something that is none': mintUser({ aud: [apiAudience, 7] }),
  'with a zip (RFC 8725 section 3.6)': withHeader({ zip: 'DEF' }),
  'with a b64 that is true': withHeader({ b64: true }),
  'with a byte order mark': raw(`\ufeff${JSON.stringify(claims())}`),
  'with another spelling of its signature': `${head}.${payload}.${otherSpelling(signature)}`,
  'with another spelling of its payload, signed as it is': otherPayload(),
  'with padding': `${head}.${payload}.${signature}==`,
  'with a blank in its signature': `${head}.${payload}.${signature.slice(0, 8)} ${signature.slice(8)}`,
  'without a kid, though the set has two keys': withHeader({ kid: undefined }),
  'larger than max_token_size': mintUser({ x: 'x'.repeat(maxTokenSize) })
}

async function gatewayAccepts (token: string, document: unknown = documents.both): Promise<boolean> {
  const set = await importKeySet(document, ALGORITHMS)
  const trusted: TrustedIssuer = {
    name: 'main',
    issuer,
    policy: { name: 'main', profile: PROFILES.rfc9068 },
    audience: [apiAudience],
    allowedClients: undefined,
    claims: [],
    algorithms: ALGORITHMS,
    clockTolerance: 5000,
    keys: {
      find: (kid, alg) => set.find(kid, alg) ?? 'unknown',
      holds: () => true,
      status: () => ({ tried: true, usable: true, keys: set.keys.length, fetchedAt: now, pause: 0 }),
      close () {}
    }
  }
  const verifier = createVerifier([trusted], maxTokenSize, () => now)
  try {
    await verifier.verify(token, async promise => await promise)
    return true
  } catch (error) {
    // Anything but a refusal of the caller's token would be a 500.
    t.match(error, { problem: { status: 401 } })
    return false
  }
}

async function joseAccepts (token: string, document: { keys: unknown[] } = documents.both): Promise<boolean> {
  try {
    // The test filled the set with JWKs.
    await jwtVerify(token, createLocalJWKSet(document as JSONWebKeySet), {
      issuer, audience: apiAudience, algorithms: [...ALGORITHMS], typ: 'at+jwt', requiredClaims: ['exp'], clockTolerance: 5, currentDate: new Date(now)
    })
    return true
  } catch {
    return false
  }
}

t.test('what a caller may show, both take', async t => {
  for (const [name, token] of Object.entries(accepted)) t.same([await gatewayAccepts(token), await joseAccepts(token)], [true, true], name)
  const nameless = withHeader({ kid: undefined })
  t.same([await gatewayAccepts(nameless, documents.one), await joseAccepts(nameless, documents.one)], [true, true])
})

t.test('what nobody should take, neither takes', async t => {
  for (const [name, token] of Object.entries(refused)) t.same([await gatewayAccepts(token), await joseAccepts(token)], [false, false], name)
})

t.test('what the gateway refuses beyond that', async t => {
  for (const [name, token] of Object.entries(stricter)) t.same([await gatewayAccepts(token), await joseAccepts(token)], [false, true], name)
})

t.test('no single bit of a token can be turned', async t => {
  const at = Array.from({ length: 60 }, (_, n) => Math.floor(n * good.length / 60))
  for (const place of at) {
    const flipped = String.fromCharCode(good.charCodeAt(place) ^ 1)
    const token = good.slice(0, place) + flipped + good.slice(place + 1)
    t.equal(await gatewayAccepts(token), false, `character ${place}`)
  }
})
