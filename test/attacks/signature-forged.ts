import { createPrivateKey, sign } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { startErp } from '../support/erp.ts'
import { selfSigned } from '../support/self-signed.ts'
import { createSigningKey, signingKey } from '../support/signing-keys.ts'
import { startAttacked } from './gauntlet.ts'
import { allRefused, base64url, goodPayload, INVALID, noCredential, NOT_JWT, resigned, routes, type Attacks } from './token-attacks.ts'

const stranger = await createSigningKey('ES256', 'stranger')

/** The order of P-256. */
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n

/** Rows A11 to A17, and A36: signatures and headers that an attacker makes up. */
export const forgedSignatures: Attacks = {
  async A11 (t) {
    const house = await startAttacked(t, { routes, changes: noCredential })
    const good = house.idp.mint()
    const [r, s] = halves(good)
    const numbers = { 0: 0n, 1: 1n, 'the order': ORDER, 'the order less one': ORDER - 1n, 'the order and one': ORDER + 1n, 'all ones': 2n ** 256n - 1n, r, s }
    const tokens = Object.fromEntries(Object.entries(numbers).flatMap(([one, left]) => Object.entries(numbers)
      .filter(([other]) => !(one === 'r' && other === 's'))
      .map(([other, right]) => [`r is ${one}, s is ${other}`, resigned(good, ecdsa(left, right))])))
    // Where they fit into 32 bytes, r and s with the order added are the same numbers to it.
    for (const [left, right] of [[r + ORDER, s], [r, s + ORDER]] as const) if (left < 2n ** 256n && right < 2n ** 256n) tokens['one order more'] = resigned(good, ecdsa(left, right))
    await allRefused(t, house, tokens)
    await house.lets(t, { path: '/orders', token: good })
  },

  async A12 (t) {
    const house = await startAttacked(t, { routes, changes: noCredential })
    const good = house.idp.mint()
    const raw = Buffer.from(good.split('.')[2] ?? '', 'base64url')
    const der = sign('sha256', Buffer.from(good.slice(0, good.lastIndexOf('.'))), house.idp.keys.current.privateKey ?? '')
    const signatures: Record<string, Buffer> = {
      DER: der,
      'DER, filled up': Buffer.concat([der, Buffer.alloc(128 - der.length)]),
      'DER, cut to 64': der.subarray(0, 64),
      'one byte more': Buffer.concat([raw, Buffer.alloc(1)]),
      'one byte in front': Buffer.concat([Buffer.alloc(1), raw]),
      'twice itself': Buffer.concat([raw, raw]),
      's before r': Buffer.concat([raw.subarray(32), raw.subarray(0, 32)]),
      'numbers of 48 bytes': Buffer.concat([Buffer.alloc(16), raw.subarray(0, 32), Buffer.alloc(16), raw.subarray(32)]),
      'little end first': Buffer.concat([Buffer.from(raw.subarray(0, 32)).reverse(), Buffer.from(raw.subarray(32)).reverse()])
    }
    for (const length of [1, 10, 32, 63]) signatures[`${length} bytes`] = raw.subarray(0, length)
    for (const length of [65, 72, 96, 128, 132, 256, 4096]) signatures[`${length} bytes`] = Buffer.concat([raw, Buffer.alloc(length - raw.length, 1)])
    await allRefused(t, house, Object.fromEntries(Object.entries(signatures).map(([name, signature]) => [name, resigned(good, signature)])))
    await house.lets(t, { path: '/orders', token: good })
  },

  async A13 (t) {
    const house = await startAttacked(t, { routes, changes: noCredential })
    const { idp } = house
    await house.lets(t, { path: '/orders', token: idp.mint() })
    const { kid } = idp.keys.current
    const asked = idp.requests.lines.length
    const brought = [stranger.publicJwk, { ...stranger.publicJwk, kid }, [stranger.publicJwk], { keys: [stranger.publicJwk] }, stranger.privateKey?.export({ format: 'jwk' }), { kty: 'oct', k: '' }]
    for (const [at, jwk] of brought.entries()) {
      await allRefused(t, house, {
        [`${at}, by the name of the issuer's key`]: idp.mint({}, { key: stranger, header: { jwk, kid } }),
        [`${at}, without a name`]: idp.mint({}, { key: stranger, header: { jwk, kid: undefined } })
      })
    }
    t.equal(idp.requests.lines.length, asked, 'the IdP is not asked where the kid is known, or not said')
    await allRefused(t, house, Object.fromEntries(brought.map((jwk, at) => [`${at}, by a name of its own`, idp.mint({}, { key: stranger, header: { jwk, kid: `mine-${at}` } })])))
    t.ok(idp.requests.lines.length <= asked + 2, 'else within the budget')
    // A genuine token may carry what it likes: nobody reads it.
    await house.lets(t, { path: '/orders', token: idp.mint({}, { header: { jwk: stranger.publicJwk } }) })
  },

  async A14 (t) {
    const house = await startAttacked(t, { routes, changes: noCredential })
    const { idp } = house
    const canary = await startErp(t)
    const { key, cert } = selfSigned()
    const x = signingKey('ES256', createPrivateKey(key), 'x')
    const der = cert.replace(/-----[A-Z ]+-----|\n/g, '')
    const url = `${canary.origin}/jwks`
    const headers: ReadonlyArray<Readonly<Record<string, unknown>>> = [
      { jku: url }, { jku: url.replace('http', 'https') }, { jku: [url] }, { x5u: url }, { x5c: [der] }, { x5c: der }, { x5c: [cert] },
      { jku: url, jwk: x.publicJwk }, { x5u: url, x5c: [der] }, { iss: canary.origin, jku: url }, { jku: `data:application/json,${JSON.stringify({ keys: [x.publicJwk] })}` },
      { jku: `${idp.jwksUri}@127.0.0.1:${canary.port}` }, { url }, { 'x5t#S256': 'x', x5u: url }
    ]
    const named = [{ kid: idp.keys.current.kid }, { kid: 'x' }, { kid: url }, { kid: undefined }]
    await allRefused(t, house, Object.fromEntries(headers.flatMap((header, at) => named.map(name => [`${at}, kid ${name.kid}`, idp.mint({}, { key: x, header: { ...header, ...name } })]))))
    for (const header of headers) await house.lets(t, { path: '/orders', token: idp.mint({}, { header }) })
    await sleep(100)
    t.equal(canary.accepted, 0, 'nobody was called')
  },

  async A15 (t) {
    const house = await startAttacked(t, { routes, changes: noCredential })
    const { idp, gateway } = house
    const canary = await startErp(t)
    await house.lets(t, { path: '/orders', token: idp.mint() })
    const asked = idp.requests.lines.length
    const kids = [
      '../../dev/null', '/dev/null', "x' OR 1=1--", `${canary.origin}/`, `${canary.origin}/jwks#`, `//127.0.0.1:${canary.port}/`, 'file:///etc/passwd', 'k'.repeat(7000), '\u{1f511}'.repeat(1500),
      '__proto__', 'constructor', 'toString', 'hasOwnProperty', 'length', '0', '-1', 'undefined', 'null', '', ' ', '*', '%00', '\u0000', '\r\nX-Injected: 1', '\n{"msg":"forged"}', '${jndi:ldap://127.0.0.1}', '$(id)', '`id`',
      ` ${idp.keys.current.kid}`, `${idp.keys.current.kid} `, idp.keys.current.kid.toUpperCase(), `${idp.keys.current.kid}\u0000`
    ]
    await allRefused(t, house, Object.fromEntries(kids.flatMap(kid => [stranger, idp.keys.current].map((key, at) => [`${at} ${kid}`, idp.mint({}, { key, header: { kid } })]))))
    const more = idp.requests.lines.slice(asked)
    t.ok(more.length <= 2, 'within the budget')
    t.same(more.filter(line => line !== 'GET /jwks'), [], 'at its one address')
    t.equal(canary.accepted, 0)
    const lines = gateway.log.split('\n')
    t.ok(lines.length > kids.length)
    t.same(lines.filter(line => line.length > 2000 || line.includes('forged')), [])
  },

  async A17 (t) {
    const house = await startAttacked(t, { routes, changes: noCredential })
    const { idp } = house
    const payload = goodPayload(idp)
    const halvesOfPairs = ['\\ud800', '\\udfff', '\\udc00\\ud800', 'a\\ud83d', '\\ud800\\u0000']
    await allRefused(t, house, Object.fromEntries(halvesOfPairs.flatMap(half => [
      [`kid ${half}`, idp.sign(`{"alg":"ES256","typ":"at+jwt","kid":"${half}"}`, payload)],
      [`alg ${half}`, idp.sign(`{"alg":"${half}","typ":"at+jwt","kid":"${idp.keys.current.kid}"}`, payload)],
      [`iss ${half}`, idp.mint({}, { payload: `{"iss":"${half}"}` })]
    ])))
    // Bytes that are no UTF-8 make no header.
    for (const bytes of ['eda080', 'ff', 'c080', 'f8888080']) {
      const header = Buffer.concat([Buffer.from('{"alg":"ES256","typ":"at+jwt","kid":"'), Buffer.from(bytes, 'hex'), Buffer.from('"}')])
      await house.refuses(t, { path: '/orders', token: `${base64url(header)}.${base64url(payload)}.${'A'.repeat(86)}` }, NOT_JWT)
    }
  },

  async A36 (t) {
    const house = await startAttacked(t, { routes: [{ match: 'GET /orders/:id', require: 'user', identity: { headers: { 'X-User': 'sub' } } }, ...routes], changes: noCredential })
    const { idp, erp } = house
    const one = idp.mint({ sub: 'user-1', jti: 'same' })
    const two = idp.mint({ sub: 'user-2', jti: 'same' })
    const [head = '', payload = '', signature = ''] = one.split('.')
    const forged: Record<string, string> = {
      'the claims of one with the signature of the other': `${two.split('.').slice(0, 2).join('.')}.${signature}`,
      'another signature': `${head}.${payload}.${two.split('.')[2]}`,
      'the end of the signature alone': `${head}.${payload}.${signature.slice(0, 3) === 'AAA' ? 'BBB' : 'AAA'}${signature.slice(3)}`,
      'another header before the same signature': `${base64url(Buffer.from(head, 'base64url').toString().replace('{', '{"x":1,'))}.${payload}.${signature}`,
      'another key of the same name': idp.mint({ sub: 'user-1', jti: 'same' }, { key: { ...stranger, kid: idp.keys.current.kid } })
    }
    // In both orders: before the good ones are known, and among them.
    await Promise.all(Object.values(forged).map(async token => await house.refuses(t, { path: '/orders/early', token }, INVALID)))
    const wanted: Record<string, number> = {}
    const got: Record<string, number> = {}
    const ask = async (path: string, token: string, status: number): Promise<void> => {
      wanted[path] = status
      got[path] = (await house.gateway.call({ path, token })).status
    }
    for (let round = 0; round < 5; round++) {
      await Promise.all(Array.from({ length: 20 }, async (_, at) => await Promise.all([
        ask(`/orders/user-1-${round}-${at}`, one, 200),
        ask(`/orders/user-2-${round}-${at}`, two, 200),
        ...Object.values(forged).map(async (token, which) => { await ask(`/orders/forged-${which}-${round}-${at}`, token, 401) })
      ])))
    }
    t.same(got, wanted, 'each token its own verdict')
    t.equal(erp.requests.length, 200)
    t.same(erp.requests.filter(({ url, headers }) => !url.startsWith(`/orders/${headers['x-user']}-`)), [], 'each request its own principal')
  }
}

function halves (token: string): [bigint, bigint] {
  const hex = Buffer.from(token.split('.')[2] ?? '', 'base64url').toString('hex')
  return [BigInt(`0x${hex.slice(0, 64)}`), BigInt(`0x${hex.slice(64)}`)]
}

function ecdsa (r: bigint, s: bigint): Buffer {
  return Buffer.from(r.toString(16).padStart(64, '0') + s.toString(16).padStart(64, '0'), 'hex')
}
