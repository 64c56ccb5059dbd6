import { randomBytes } from 'node:crypto'
import { deflateRawSync } from 'node:zlib'
import type { Test } from 'tap'
import { get, type Answer, type Gatehouse, type Wanted } from '../gateway/gatehouse.ts'
import { registerSecret } from '../support/secrets.ts'
import { startAttacked } from './gauntlet.ts'
import { allRefused, base64url, goodPayload, INVALID, invalid, noCredential, NOT_JWT, routes, type Attacks } from './token-attacks.ts'

const MALFORMED: Wanted = { status: 400, code: 'credential-malformed', challenge: { error: 'invalid_request' } }
const path = '/orders'

/** Rows B01 to B11: what is not the shape of a token. */
export const tokenShapes: Attacks = {
  async B01 (t) {
    const house = await startAttacked(t, { routes, changes: noCredential })
    const { idp } = house
    const crits: readonly unknown[] = [['x'], ['b64'], ['exp'], [], 'exp', ['x', 'x'], [1], ['alg'], ['crit'], ['kid', 'typ'], [['exp']], null, false, true, 0, 1, '', {}, { exp: true }, ['']]
    const members = { x: 1, exp: 4_000_000_000, b64: true }
    await allRefused(t, house, Object.fromEntries(crits.flatMap(crit => [
      [`crit ${JSON.stringify(crit)}`, idp.mint({}, { header: { crit } })],
      [`crit ${JSON.stringify(crit)} of what is there`, idp.mint({}, { header: { ...members, crit } })]
    ])))
    const { kid } = idp.keys.current
    await allRefused(t, house, {
      'crit twice': idp.sign(`{"alg":"ES256","kid":"${kid}","typ":"at+jwt","crit":["x"],"crit":[]}`, goodPayload(idp)),
      'crit, escaped': idp.sign(`{"alg":"ES256","kid":"${kid}","typ":"at+jwt","\\u0063rit":["x"],"x":1}`, goodPayload(idp))
    })
    // The name is read to the letter; what has another one is a member that nobody reads.
    await house.lets(t, { path, token: idp.mint({}, { header: { Crit: ['x'], x: 1 } }) })
  },

  async B02 (t) {
    const house = await startAttacked(t, { routes, changes: noCredential })
    const { idp } = house
    const claims = goodPayload(idp)
    const tokens: Record<string, string> = {}
    for (const b64 of [false, true, 0, null, 'false', '']) {
      for (const crit of [undefined, ['b64'], []]) {
        const [head = '', payload = '', signature = ''] = idp.mint({}, { header: { b64, crit } }).split('.')
        const name = JSON.stringify({ b64, crit })
        tokens[`${name}, encoded`] = `${head}.${payload}.${signature}`
        tokens[`${name}, detached`] = `${head}..${signature}`
      }
    }
    // Without b64: the payload is gone, is another one, or stands there as it is.
    const [head = '', payload = '', signature = ''] = idp.mint().split('.')
    tokens['detached'] = `${head}..${signature}`
    tokens['of an empty payload'] = idp.sign({ alg: 'ES256', kid: idp.keys.current.kid, typ: 'at+jwt' }, '')
    tokens['encoded twice'] = idp.sign({ alg: 'ES256', kid: idp.keys.current.kid, typ: 'at+jwt' }, base64url(claims))
    await allRefused(t, house, tokens)
    await house.refuses(t, { path, token: `${head}.${claims.toString()}.${signature}` }, MALFORMED)
    await house.refuses(t, { path, token: `${head}.$.02.${signature}` }, MALFORMED)
    await house.refuses(t, { path, token: `${head}.${payload}.${payload}.${signature}` }, NOT_JWT)
  },

  async B03 (t) {
    const house = await startAttacked(t, { routes, changes: noCredential })
    const { idp } = house
    const good = idp.mint()
    const [head = '', payload = '', signature = ''] = good.split('.')
    const other = base64url(goodPayload(idp, { sub: 'admin' }))
    const documents = [
      { payload, protected: head, signature },
      { payload: other, protected: head, signature },
      { payload, signatures: [{ protected: head, signature }] },
      { payload: other, signatures: [{ protected: head, signature }, { header: { alg: 'none' }, signature: '' }] },
      { payload, header: { alg: 'none' }, signature: '' },
      // The trick of the CVE: the compact one as the name of a member.
      { [`${head}.${other}.`]: '', protected: head, payload, signature },
      { [`${head}.`]: `.${signature}`, payload, protected: head, signature }
    ].map(document => JSON.stringify(document))
    for (const text of documents) {
      await house.refuses(t, { path, headers: { authorization: `Bearer ${text}` } }, MALFORMED)
      for (const token of [base64url(text), Buffer.from(text).toString('base64')]) await house.refuses(t, { path, token }, NOT_JWT)
    }
    const wrapped = documents.flatMap(text => [`${base64url(text)}.${payload}.${signature}`, `${base64url(text)}.${other}.${signature}`])
    for (const token of wrapped) await house.refuses(t, { path, token }, NOT_JWT)
    await allRefused(t, house, Object.fromEntries(documents.flatMap((text, at) => [
      [`JSON ${at} as payload`, `${head}.${base64url(text)}.${signature}`],
      [`JSON ${at} as signature`, `${head}.${payload}.${base64url(text)}`],
      [`JSON ${at} as payload, signed`, idp.mint({}, { payload: text })]
    ])))
  },

  async B05 (t) {
    const house = await startAttacked(t, { routes, changes: noCredential })
    const { idp, gateway } = house
    const bomb = deflateRawSync(Buffer.alloc(8 * 1024 * 1024))
    const before = process.memoryUsage().rss
    const heads = [{ alg: 'RSA-OAEP', enc: 'A256GCM', zip: 'DEF' }, { alg: 'dir', enc: 'A128GCM', zip: 'DEF' }, { alg: 'PBES2-HS512+A256KW', p2c: 2_147_483_647, p2s: 'x', enc: 'A256GCM', zip: 'DEF' }, { alg: 'ECDH-ES', enc: 'A256GCM', epk: idp.keys.current.publicJwk }]
    for (const head of heads) {
      for (const key of ['', 'AAAA']) await house.refuses(t, { path, token: [base64url(head), key, 'AAAAAAAAAAAAAAAA', base64url(bomb), 'AAAAAAAAAAAAAAAAAAAAAA'].join('.') }, NOT_JWT)
    }
    t.ok(process.memoryUsage().rss - before < 200 * 1024 * 1024, 'nothing is inflated')
    const squeezed = deflateRawSync(goodPayload(idp))
    const tokens: Record<string, string> = { 'compressed, and not said': idp.mint({}, { payload: squeezed }) }
    for (const zip of ['DEF', 'def', 'GZIP', '', null, false, ['DEF']]) {
      const name = `zip ${JSON.stringify(zip)}`
      tokens[name] = idp.mint({}, { header: { zip } })
      tokens[`${name}, compressed`] = idp.mint({}, { header: { zip }, payload: squeezed })
      tokens[`${name}, a bomb`] = idp.mint({}, { header: { zip }, payload: bomb.subarray(0, 8000) })
    }
    await allRefused(t, house, tokens)
    t.ok(gateway.log.length < 1024 * 1024)
  },

  async B06 (t) {
    const house = await startAttacked(t, { routes, changes: noCredential })
    const { idp } = house
    const good = idp.mint()
    const [head = '', payload = '', signature = ''] = good.split('.')
    const jwe = base64url({ alg: 'A128KW', enc: 'A128GCM' })
    const shapes = ['....', 'a..b.c.d', `${jwe}....`, `${jwe}..AA.AA.AA`, `${jwe}.AA.AA.AA.`, `${head}....`, `${head}..${payload}.${signature}.`, `${good}..`, `..${good}`, '.', '..', '...', '.....', '.'.repeat(1000), `${head}.`, head, `.${payload}.${signature}`, `${good}.`, `.${good}`, `${good}.${signature}`, `${good}.${good}`, `${payload}.${payload}.${signature}`]
    for (const token of shapes) await house.refuses(t, { path, token }, NOT_JWT)
    await allRefused(t, house, { 'no payload, no signature': `${head}..`, 'no signature': `${head}.${payload}.`, 'no payload': `${head}..${signature}` })
  },

  async B07 (t) {
    const house = await startAttacked(t, { routes, changes: noCredential })
    const { idp } = house
    const good = idp.mint()
    const [head = '', payload = '', signature = ''] = good.split('.')
    const std = (text: string) => Buffer.from(text, 'base64url').toString('base64')
    const tokens: Record<string, string> = {
      'a padded signature': `${good}==`,
      'a padded signature, once': `${good}=`,
      'a padded signature, much': `${good}====`,
      // A signature nearly always has one of the letters that differ; with both it certainly does.
      'the other alphabet': `${head}.${payload}.${std(signature).replace(/=+$/, '')}+/`,
      'a ~ in it': `${good}~`,
      'one letter more': `${good}A`,
      'two letters more': `${good}AA`,
      'a letter less': good.slice(0, -1)
    }
    for (let bits = 1; bits < 16; bits++) tokens[`another spelling of its last letter, ${bits}`] = respelt(good, bits)
    // Both before it is known and after.
    await allRefused(t, house, tokens)
    await house.lets(t, { path, token: good })
    await allRefused(t, house, tokens)
    for (const [name, part] of [['header', 0], ['payload', 1]] as const) {
      const parts = [head, payload, signature]
      for (const pad of ['=', '==']) await house.refuses(t, { path, token: parts.map((one, at) => at === part ? one + pad : one).join('.') }, MALFORMED)
      const respelled = parts.map((one, at) => at === part ? `${one}A` : one).join('.')
      t.match((await house.gateway.call({ path, token: respelled })).status, 401, name)
    }
    const raw = (value: string) => get(path, `Authorization: Bearer ${value}`)
    for (const wrong of [`${good}%0a`, `${head}.${payload} .${signature}`, `${head}. ${payload}.${signature}`, `${good} x`, `${good}\u0001`, `${head}.\t${payload}.${signature}`, `"${good}"`, `<${good}>`, `${good}%3D`, `${good}\u00a0`, `${good}\u00ff`, `${good};x`]) {
      const { status } = await seesNothing(t, house, raw(registered(wrong)))
      t.equal(status, 400, 'not what RFC 6750 calls a token')
    }
    for (const folded of [`${head}.\r\n ${payload}.${signature}`, `${head}.\n${payload}.${signature}`, `${head}.\r${payload}.${signature}`, `${good}\n`, `${good}\u0000`]) {
      const { status } = await seesNothing(t, house, raw(folded), folded === `${good}\n`)
      t.ok(status === 400 || (status === 200 && folded === `${good}\n`))
    }
    for (const space of [' ', '   ', '\t']) await house.lets(t, raw(`${good}${space}`))
  },

  async B10 (t) {
    const house = await startAttacked(t, { routes: [...routes, { match: 'GET /deep', require: { user: { claims: { deep: 'x' }, acr: 'x', scope: 'x' } } }, { match: 'GET /cel', require: { user: { where: 'claims.deep == "x"' } } }], changes: noCredential })
    const { idp } = house
    const claims = goodPayload(idp).toString()
    const member = (text: string) => claims.replace('{', `{${text},`)
    const head = `{"alg":"ES256","kid":"${idp.keys.current.kid}","typ":"at+jwt"}`
    const headers = ['[]', 'null', '1', '"x"', 'true', '', ' ', '{', '{}', '[{"alg":"ES256"}]', '{"alg":null}', '{"alg":["ES256"]}', '{"alg":{}}', '{"ALG":"ES256"}', `\ufeff${head}`, `${head}x`, `${head}${head}`, `${head.slice(0, -1)},}`, head.replaceAll('"', "'"), `${head}\u0000`, `// x\n${head}`,
      head.replace('"alg"', 'alg'), head.replace('{', '{"n":01,'), head.replace('{', '{"n":NaN,'), head.replace('{', '{"n":+1,'), head.replace('{', '{"n":.5,'), head.replace('{', '{"n":0x1,'), head.replace('{', '{"n":"\t",'), '{"__proto__":{"alg":"ES256"}}', Buffer.from(head, 'utf16le').toString('latin1'), `${'['.repeat(5000)}${']'.repeat(5000)}`]
    for (const text of headers) await house.refuses(t, { path, token: idp.sign(text, claims) }, NOT_JWT)

    const payloads: Record<string, string | Buffer> = {
      'no object': '[]', null: 'null', 'a number': '1', 'a text': '"x"', true: 'true', nothing: ' ', 'a brace': '{', 'after a mark': `\ufeff${claims}`, 'and more': `${claims}x`, twice: `${claims}${claims}`, 'in a list': `[${claims}]`, 'with a comma': claims.replace('}', ',}'),
      'in single quotes': claims.replaceAll('"', "'"), 'and NUL': `${claims}\u0000`, 'with a comment': `/**/${claims}`, 'with an octal': member('"n":01'), 'with NaN': member('"n":NaN'), 'with Infinity': member('"n":-Infinity'), 'with a plus': member('"n":+1'), 'with half a number': member('"n":1.'), 'with an exponent of nothing': member('"n":1e'), 'with a hexadecimal': member('"n":0x1'),
      'with undefined': member('"n":undefined'), 'with a bare name': member('n:1'), 'with a tab in text': member('"n":"\t"'), 'with a wrong escape': member('"n":"\\x41"'), 'with half an escape': member('"n":"\\u12"'), 'in UTF-16': Buffer.from(claims, 'utf16le'), 'with a wrong byte': Buffer.concat([Buffer.from('{"x":"'), Buffer.from([0xff]), Buffer.from(`",${claims.slice(1)}`)]),
      'with a surrogate in bytes': Buffer.concat([Buffer.from('{"x":"'), Buffer.from([0xed, 0xa0, 0x80]), Buffer.from(`",${claims.slice(1)}`)]), 'with an overlong slash': Buffer.concat([Buffer.from('{"x":"'), Buffer.from([0xc0, 0xaf]), Buffer.from(`",${claims.slice(1)}`)]), 'of 5000 lists': `${'['.repeat(5000)}${']'.repeat(5000)}`,
      'with an issuer of 5800 lists': `{"iss":${'['.repeat(5800)}${']'.repeat(5800)}}`, 'with an issuer of 1900 objects': `{"iss":${'{"a":'.repeat(1900)}1${'}'.repeat(1900)}}`
    }
    await allRefused(t, house, Object.fromEntries(Object.entries(payloads).map(([name, payload]) => [name, idp.mint({}, { payload })])))

    const good = [
      `"deep":${'['.repeat(3000)}${']'.repeat(3000)}`, `"deep":${'{"a":'.repeat(1500)}1${'}'.repeat(1500)}`, '"n":1e400', '"n":-0', '"n":123456789012345678901234567890', '"n":1e-999', '"":1', '"\\u0000":"\\u0000"', '"n":"\\ud800"', '"n":"\\ud83d\\ude00"', '"__proto__":1',
      '"a":1,"a":2', '"n":"\\/\\b\\f"', '"n":"\u2028\u2029"', '"toJSON":1', '"then":1', '"length":-1', `"n":"${'\u{1f511}'.repeat(500)}"`, ' \n\t\r"n" : [ ] '
    ]
    for (const [at, text] of good.entries()) {
      await house.lets(t, { path, token: idp.mint({}, { payload: member(text) }) })
      for (const other of ['/deep', '/cel']) t.equal((await seesNothing(t, house, { path: other, token: idp.mint({}, { payload: member(text) }) })).status, 403, `payload ${at}`)
    }
    // The deep one where a claim is read: what it says of it is short.
    const deep = `${'['.repeat(5000)}${']'.repeat(5000)}`
    const replaced = (name: string, text: string) => idp.mint({}, { payload: claims.replace(new RegExp(`"${name}":("[^"]*"|[^,}]*)`), `"${name}":${text}`) })
    for (const value of [deep, `[${deep}]`, `{"a":${deep.slice(2, -2)}}`]) {
      await house.refuses(t, { path, token: replaced('aud', value) }, invalid('audience-mismatch'))
      for (const name of ['exp', 'iat']) await house.refuses(t, { path, token: replaced(name, value) }, invalid('token-times'))
      for (const name of ['sub', 'client_id', 'auth_time']) await house.refuses(t, { path, token: replaced(name, value) }, { status: 403, code: 'principal-kind', challenge: { error: 'insufficient_scope' } })
      for (const name of ['scope', 'jti']) await house.lets(t, { path, token: replaced(name, value) })
    }
    for (const text of ['1e400', '-1e400', '"1"', 'null', 'true', '[1]', '{}', '-1', '0']) {
      const { status } = await seesNothing(t, house, { path, token: replaced('exp', text) })
      t.equal(status, 401, text)
    }
  },

  async B11 (t) {
    const house = await startAttacked(t, { routes, changes: noCredential })
    const { idp, gateway } = house
    const sized = (bytes: number) => {
      const without = idp.mint({ padding: '' }).length
      return idp.mint({ padding: 'x'.repeat(Math.max(0, Math.floor((bytes - without) * 3 / 4) - 4)) })
    }
    const within = sized(15_000)
    t.ok(within.length > 14_900)
    await house.lets(t, { path, token: within })
    await house.refuses(t, { path, token: `${within.slice(0, -8)}AAAAAAAA` }, INVALID)
    for (const bytes of [16_700, 20_000, 30_000]) {
      const token = sized(bytes)
      t.ok(token.length > 16 * 1024)
      await house.refuses(t, { path, token }, INVALID)
      await house.refuses(t, { path, token: randomBytes(bytes).toString('hex').slice(0, bytes) }, INVALID)
    }
    const TOO_LARGE: Wanted = { status: 431, code: 'headers-too-large', headers: { connection: 'close' } }
    for (const lines of [[`Authorization: Bearer ${sized(64_000)}`], [`Cookie: session=${'x'.repeat(64_000)}`], [`Authorization: Bearer ${within}`, `Cookie: ${'x'.repeat(20_000)}`]]) {
      const open = get(path, ...lines).replace('Connection: close\r\n', '')
      await house.refuses(t, open, TOO_LARGE)
      const { responses, ending } = await gateway.raw(open + get(path), { responses: 2, timeout: 3000 })
      t.equal(responses.length, 1)
      t.not(ending, 'open', 'the connection is closed')
    }
    await house.lets(t, { path, token: idp.mint() })
  }
}

/** Another last letter of the same bytes: an ES256 signature ends with four bits that do not count (RFC 4648 section 3.5). */
function respelt (token: string, bits: number): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return token.slice(0, -1) + (alphabet[alphabet.indexOf(token.slice(-1)) ^ bits] ?? '')
}

/** An answer below 500, and nothing at the ERP, unless it is let through. */
async function seesNothing (t: Test, { gateway, erp }: Gatehouse, asked: string | { path: string, token: string }, mayPass = false): Promise<Answer> {
  const before = erp.requests.length
  const answer = typeof asked === 'string' ? (await gateway.raw(asked)).response : await gateway.call(asked)
  t.ok(answer.status >= 200 && answer.status < 500, `an answer, and no failure: ${answer.status}`)
  t.equal(erp.requests.length, before + (mayPass && answer.status === 200 ? 1 : 0), 'what the ERP saw')
  return answer
}

function registered (token: string): string {
  return registerSecret(token, 'a token that was sent')
}
