// Each step of the verification by itself: what it refuses and with which facts for the log, and what it gives. The keys
// are the test's, of which one says yes to every signature and one to none.
import t from 'tap'
import type { VerificationKey } from '../../src/inbound/key.ts'
import type { KeyLookup } from '../../src/inbound/key-store.ts'
import { createVerifier, type TrustedIssuer, type Verified } from '../../src/inbound/verify.ts'
import { PROFILES } from '../../src/policy/profiles/index.ts'
import { PROBLEMS, Refusal } from '../../src/policy/problems.ts'

const NOW = Date.UTC(2026, 0, 1)
const SECONDS = NOW / 1000
const YEAR_9999 = 253_402_300_799

const issuer = 'https://idp.example.com/'
const good: VerificationKey = { kid: 'k', algorithms: ['ES256'], id: 'good', verifies: () => true }
const bad: VerificationKey = { ...good, id: 'bad', verifies: () => false }

interface Scene {
  readonly trusted: TrustedIssuer
  /** The verdict, the time for waiting being the test's. */
  verify (token: string, wait?: <T>(promise: Promise<T>) => Promise<T | undefined>): Promise<Verified>
}

/** One issuer, whose store finds this; `unasked` is one that must not be asked. */
function scene (found: KeyLookup | Promise<KeyLookup> | 'unasked' = good, changes: Partial<TrustedIssuer> = {}, pause = 0, most = 2000): Scene {
  const find = (): KeyLookup | Promise<KeyLookup> => {
    if (found === 'unasked') throw new Error('no key is needed for that')
    return found
  }
  const trusted: TrustedIssuer = {
    name: 'main',
    issuer,
    policy: { name: 'main', profile: PROFILES.rfc9068 },
    audience: ['urn:api'],
    allowedClients: undefined,
    claims: [],
    algorithms: ['ES256'],
    clockTolerance: 5000,
    keys: { find, holds: () => true, status: () => ({ tried: true, usable: true, keys: 1, fetchedAt: NOW, pause }), close () {} },
    ...changes
  }
  const verifier = createVerifier([trusted], most, () => NOW)
  return { trusted, verify: async (token, wait = async promise => await promise) => await verifier.verify(token, wait) }
}

const encode = (value: unknown): string => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
const usual = { iss: issuer, aud: 'urn:api', sub: 'ann', client_id: 'saas', auth_time: SECONDS, exp: SECONDS + 300 }

/** A good token of a user; `undefined` leaves a claim out. */
function token (claims: object = {}, header: object = {}): string {
  return `${encode({ alg: 'ES256', kid: 'k', typ: 'at+jwt', ...header })}.${encode({ ...usual, ...claims })}.AAAA`
}

/** A good token with this JSON at the end of its claims. */
function tokenWith (json: string): string {
  return `${encode({ alg: 'ES256', kid: 'k', typ: 'at+jwt' })}.${encode(`${JSON.stringify(usual).slice(0, -1)},${json}}`)}.AAAA`
}

async function refusalOf (verified: Promise<Verified>): Promise<Refusal> {
  try {
    await verified
  } catch (error) {
    if (error instanceof Refusal) return error
    throw error
  }
  throw new Error('it was verified')
}

/** The code that a token is refused with; undefined where it is not. */
async function codeOf (token: string, found?: KeyLookup, changes?: Partial<TrustedIssuer>, most?: number): Promise<string | undefined> {
  try {
    await scene(found, changes, 0, most).verify(token)
    return undefined
  } catch (error) {
    if (error instanceof Refusal) return error.code
    throw error
  }
}

t.test('who it speaks for is told with the key, the store, and the times that hold, tolerance included', async t => {
  for (const [claims, from, until] of [
    [{}, -5000, NOW + 305_000],
    [{ iat: SECONDS - 7 }, NOW - 12_000, NOW + 305_000],
    [{ nbf: SECONDS - 3 }, NOW - 8000, NOW + 305_000],
    [{ iat: SECONDS - 7, nbf: SECONDS - 3 }, NOW - 8000, NOW + 305_000],
    [{ iat: SECONDS - 3, nbf: SECONDS - 7, exp: SECONDS + 0.5 }, NOW - 8000, NOW + 5500]
  ] as const) {
    const { trusted, verify } = scene()
    const verified = await verify(token(claims))
    t.match(verified.principal, { tokenKind: 'access', kind: 'user', issuer: 'main', subject: 'ann', client: 'saas' })
    t.strictSame([verified.from, verified.until], [from, until], JSON.stringify(claims))
    t.equal(verified.key, good)
    t.equal(verified.keys, trusted.keys)
  }
})

t.test('a key that has to be fetched is waited for, and one that does not come in time is unavailable', async t => {
  t.equal((await scene(Promise.resolve(good)).verify(token())).key, good)
  for (const [found, code] of [['unknown', 'token-invalid'], ['unavailable', 'issuer-keys-unavailable'], [bad, 'token-invalid']] as const) {
    t.equal((await refusalOf(scene(Promise.resolve(found)).verify(token()))).code, code)
    t.equal(await codeOf(token(), found), code)
  }
  t.equal((await refusalOf(scene(Promise.resolve(good)).verify(token(), async () => undefined))).code, 'issuer-keys-unavailable')
})

t.test('whoever cannot be verified just now is told when to come again: in one second to ten', async t => {
  for (const [pause, seconds] of [[0, '1'], [1, '1'], [1000, '1'], [1001, '2'], [9001, '10'], [60_000, '10']] as const) {
    const { code, extras } = await refusalOf(scene('unavailable', {}, pause).verify(token()))
    t.equal(PROBLEMS[code].status, 503)
    t.strictSame(extras.headers, { 'Retry-After': seconds })
    t.match(extras.saw, /\bmain\b/)
  }
})

t.test('a token has as many characters as it may, and no more', async t => {
  const given = token()
  for (const [most, code] of [[given.length, undefined], [given.length - 1, 'token-invalid']] as const) t.equal(await codeOf(given, good, {}, most), code)
})

t.test('what may be known without a key is refused without one, and the log is told what it was', async t => {
  const long = `https://${'x'.repeat(300)}/`
  for (const [given, code, saw] of [
    ['opaque', 'token-not-jwt', undefined],
    [`${token()}=`, 'token-invalid', /\w/],
    [token({ iss: 'https://evil.example.com/' }), 'token-invalid', / https:\/\/evil\.example\.com\/$/],
    [token({ iss: long }), 'token-invalid', /^.{1,100} https:\/\/x{92}$/],
    [token({ iss: [issuer] }), 'token-invalid', /\["https:\/\/idp\.example\.com\/"\]/],
    [token({ iss: { a: 1 } }), 'token-invalid', /\w/],
    [token({ iss: undefined }), 'token-invalid', /\w/],
    [token({}, { alg: 'RS256' }), 'token-invalid', /\bRS256\b/],
    [token({}, { alg: `x${'y'.repeat(30)}` }), 'token-invalid', /\bxy{19}\b/],
    [token({ exp: SECONDS - 5 }), 'token-expired', new RegExp(`\\bmain\\b.*\\b${SECONDS - 5}$`)],
    [token({ exp: 0 }), 'token-expired', /\bmain\b.*\b0$/]
  ] as const) {
    const refusal = await refusalOf(scene('unasked').verify(given))
    t.equal(refusal.code, code)
    if (saw === undefined) t.equal(refusal.extras.saw, undefined)
    else t.match(refusal.extras.saw, saw)
    t.equal(refusal.extras.principal, undefined, 'nobody has been proved')
    t.match(refusal.detail, /\w/)
  }
})

t.test('what the signature does not stand for is told to the log with the issuer\'s name, and to nobody else', async t => {
  for (const found of [bad, 'unknown'] as const) {
    const { code, detail, extras } = await refusalOf(scene(found).verify(token({ exp: '1' })))
    t.equal(code, 'token-invalid')
    t.match(extras.saw, /\bmain\b/)
    t.notMatch(detail, /main/)
  }
})

t.test('times hold to the tolerance, to the millisecond', async t => {
  for (const name of ['iat', 'nbf']) {
    for (const [value, code] of [[SECONDS + 5, undefined], [SECONDS + 5.001, 'token-times'], [-1e9, undefined], [YEAR_9999 + 1, 'token-times']] as const) {
      t.equal(await codeOf(token({ [name]: value })), code, `${name} ${value}`)
    }
    for (const value of ['null', '"1"', 'true', '[1]', '{}', '1e999', '-1e999']) t.equal(await codeOf(tokenWith(`"${name}":${value}`)), 'token-times', `${name} ${value}`)
  }
  for (const [value, code] of [[SECONDS - 4.999, undefined], [SECONDS - 5, 'token-expired'], [YEAR_9999, undefined], [YEAR_9999 + 1, 'token-times']] as const) {
    t.equal(await codeOf(token({ exp: value })), code, `exp ${value}`)
  }
  // What is no number has not expired: that it is none is said behind the signature.
  for (const value of ['null', '"1"', 'true', '[1]', '{}']) {
    t.equal(await codeOf(tokenWith(`"exp":${value}`)), 'token-times', `exp ${value}`)
    t.equal(await codeOf(tokenWith(`"exp":${value}`), bad), 'token-invalid', `exp ${value}`)
  }
  t.equal(await codeOf(tokenWith('"exp":1e999')), 'token-times')
  t.equal(await codeOf(tokenWith('"exp":-1e999')), 'token-expired')
})

t.test('a time that does not hold is told to the log, with the issuer\'s name, and cut', async t => {
  for (const [claims, saw] of [
    [{ exp: '17' }, /\bmain\b.*"17"$/],
    [{ nbf: SECONDS + 60 }, new RegExp(`\\bmain\\b.*\\b${SECONDS + 60}$`)],
    [{ exp: undefined }, /\bmain\b.*: \w+$/],
    [{ iat: { a: 1 } }, /\bmain\b/],
    [{ iat: 'x'.repeat(400) }, /^.{1,220}$/]
  ] as const) {
    const { code, detail, extras } = await refusalOf(scene().verify(token(claims)))
    t.equal(code, 'token-times')
    t.match(extras.saw, saw)
    t.match(detail, /\w/)
  }
})

t.test('only an access token opens anything; any other one is told what it is, and what to ask for', async t => {
  const audience = ['urn:api', 'urn:other-api']
  for (const [given, code, tokenKind, saw] of [
    [token({ nonce: 'n', at_hash: 'h' }, { typ: 'JWT' }), 'id-token', 'id', /\bat_hash\b.*\bnonce\b/],
    [token({ events: {} }), 'token-kind', 'logout', /\bevents\b/],
    [token({ typ: 'Refresh' }, { typ: 'JWT' }), 'token-kind', 'refresh', /\btyp\b/],
    [token({}, { typ: 'dpop+jwt' }), 'token-kind', 'unknown', /\btyp\b/],
    [token({}, { typ: 'JWT' }), 'token-kind', 'unknown', /\w/]
  ] as const) {
    const profile = tokenKind === 'refresh' ? PROFILES.keycloak : PROFILES.rfc9068
    const refusal = await refusalOf(scene(good, { audience, policy: { name: 'main', profile } }).verify(given))
    t.equal(refusal.code, code)
    t.match(refusal.extras.principal, { tokenKind, kind: 'unknown', subject: 'ann' })
    t.match(refusal.extras.saw, saw)
    t.same(audience.filter(one => !refusal.detail.split(/\.? |\.$/).includes(one)), [], 'each audience, as a word of its own')
    t.notMatch(refusal.detail, /undefined/)
  }
  const { code, detail } = await refusalOf(scene(good, { audience: [], allowedClients: ['saas'] }).verify(token({ nonce: 'n' }, { typ: 'JWT' })))
  t.equal(code, 'id-token')
  t.notMatch(detail, /undefined|urn:/)
})

t.test('the claims that every token must have are all there, or those that are not are named', async t => {
  const claims = ['tenant', 'region', 'org.id'].map(name => ({ name, path: name.split('.'), values: ['a', 1] }))
  t.equal(await codeOf(token({ tenant: 'a', region: 1, org: { id: ['b', 'a'] } }), good, { claims }), undefined)
  for (const [given, lacking] of [
    [{}, ['tenant', 'region', 'org.id']],
    [{ tenant: 'a', region: '1', org: { id: 'a' } }, ['region']],
    [{ tenant: 'b', region: 1 }, ['tenant', 'org.id']]
  ] as const) {
    const { code, extras } = await refusalOf(scene(good, { claims }).verify(token(given)))
    t.equal(code, 'token-claims-mismatch')
    t.same(extras.saw?.split(' '), lacking)
    t.match(extras.principal, { tokenKind: 'access', subject: 'ann' })
  }
})

t.test('an audience is one of the issuer\'s, where it has any', async t => {
  const audience = ['urn:api', 'urn:other-api']
  for (const aud of ['urn:api', 'urn:other-api', ['x', 'urn:api']]) t.equal(await codeOf(token({ aud }), good, { audience }), undefined, JSON.stringify(aud))
  for (const aud of ['urn:ap', '', 'urn:api urn:other-api', ['x'], [], ['urn:api', 7], [['urn:api']], 7, null, { 'urn:api': true }, undefined]) {
    const { code, detail, extras } = await refusalOf(scene(good, { audience }).verify(token({ aud })))
    t.equal(code, 'audience-mismatch', JSON.stringify(aud))
    t.match(extras.principal, { tokenKind: 'access', subject: 'ann' })
    t.match(extras.saw, typeof aud === 'string' ? JSON.stringify(aud) : /\w \S/)
    t.ok(audience.every(one => detail.includes(one)))
    t.equal(await codeOf(token({ aud }), good, { audience: [], allowedClients: ['saas'] }), undefined, 'where none is wanted')
  }
  const { extras } = await refusalOf(scene().verify(token({ aud: 'y'.repeat(500) })))
  t.match(extras.saw, /^.{1,210}$/)
})

t.test('where clients are listed, the token was issued to one of them', async t => {
  const allowedClients = ['saas', 'batch']
  for (const client of ['saas', 'batch']) t.equal(await codeOf(token({ client_id: client }), good, { allowedClients }), undefined, client)
  for (const client of ['Saas', 'saas ', 'saas batch', ['saas'], 7, undefined]) {
    const { code, extras } = await refusalOf(scene(good, { allowedClients }).verify(token({ client_id: client })))
    t.equal(code, 'token-client-not-allowed', String(client))
    t.match(extras.principal, { tokenKind: 'access', subject: 'ann' })
    t.match(extras.saw, typeof client === 'string' ? JSON.stringify(client) : /\w \S/)
    t.equal(await codeOf(token({ client_id: client })), undefined, 'where none is listed')
  }
  t.equal(await codeOf(token(), good, { allowedClients: [] }), 'token-client-not-allowed', 'an empty list allows nobody')
})
