import t from 'tap'
import { decodeToken } from '../../src/inbound/token.ts'

const encode = (value: unknown): string => Buffer.from(typeof value === 'string' || value instanceof Uint8Array ? value : JSON.stringify(value)).toString('base64url')
const token = (header: unknown, claims: unknown = {}, signature = 'AAAA'): string => `${encode(header)}.${encode(claims)}.${signature}`
const head = encode({ alg: 'x' })

t.test('a JWS comes apart into its header and its claims, whatever they say', async t => {
  for (const [header, claims] of [
    [{ alg: 'RS256' }, {}],
    [{ alg: '' }, { sub: 'a' }],
    [{ alg: 'none', kid: '', typ: '' }, { iss: ['a'], n: { crit: 1 }, crit: ['b64'] }],
    [{ alg: 'RS256', kid: 'k', typ: 'JWT', jku: 'x', cty: 1 }, { name: 'Zo\u00eb \u{1f98a}' }]
  ]) t.same(decodeToken(token(header, claims)), { header, claims })
  t.same(decodeToken(token(' {"alg":"x"} ', '\n{"a":1,"a":2}')), { header: { alg: 'x' }, claims: { a: 2 } })
})

t.test('what has no three parts, or no header with an alg, is no JWT', async t => {
  const [, payload, signature] = token({ alg: 'x' }).split('.')
  for (const one of ['', 'opaque', '.', '..', '...', head, `${head}.`, `${head}.${payload}`, `${head}.${payload}.${signature}.`, `${head}.${payload}.${signature}.AAAA`, `${head}.${payload}.${signature}.AAAA.AAAA`,
    `.${payload}.${signature}`, `${head}=.${payload}.${signature}`, `!${head}.${payload}.${signature}`, `${head}!.${payload}.${signature}`]) t.equal(decodeToken(one), 'not-jwt', one)
  for (const header of ['', 'x', '{', [], ['alg'], 'null', '7', '"alg"', {}, { alg: 1 }, { alg: null }, { alg: ['x'] }, { ALG: 'x' }, '\ufeff{"alg":"x"}', Buffer.from('{"alg":"x","y":"\xff"}', 'latin1')]) {
    t.equal(decodeToken(token(header)), 'not-jwt', JSON.stringify(header))
  }
})

t.test('a header that nobody should follow is malformed', async t => {
  for (const more of [{ kid: 1 }, { kid: null }, { kid: ['k'] }, { typ: 1 }, { typ: null }, { typ: ['JWT'] }, { crit: ['exp'] }, { crit: [] }, { crit: null }, { b64: false }, { b64: true }, { zip: 'DEF' }, { zip: null }]) {
    t.equal(decodeToken(token({ alg: 'x', ...more })), 'malformed', JSON.stringify(more))
  }
})

t.test('claims that are no JSON object in UTF-8 are malformed', async t => {
  for (const claims of ['', 'x', '{', [], [{}], 'null', '7', '"text"', '\ufeff{}', Buffer.from('{"a":"\xff"}', 'latin1')]) t.equal(decodeToken(token({ alg: 'x' }, claims)), 'malformed', JSON.stringify(claims))
  for (const payload of ['', 'e30=', 'e30!', '!e30', 'e3 0']) t.equal(decodeToken(`${head}.${payload}.AAAA`), 'malformed', payload)
})

t.test('of the spellings of a part the one that an encoder writes is taken, and no other', async t => {
  for (const last of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_') {
    for (const before of ['', 'A', 'AA', 'AAA', 'AAAA', 'AAAAA', 'AAAAAA']) {
      const part = before + last
      const canonical = Buffer.from(part, 'base64url').toString('base64url') === part
      t.same(decodeToken(`${head}.e30.${part}`), canonical ? { header: { alg: 'x' }, claims: {} } : 'malformed', part)
    }
  }
  for (const signature of ['', '=', 'AA==', 'AAA=', 'AAA!', '!AAA', 'A AA', 'AA\n', 'AA+/']) t.equal(decodeToken(`${head}.e30.${signature}`), 'malformed', signature)
  // Each part for itself, the others as they should be: 'e31' is '{}' with a bit that does not count.
  t.equal(decodeToken(`${head}.e31.AAAA`), 'malformed')
  const odd = encode('{"alg":"xy"} ').replace(/A$/, 'B')
  t.equal(decodeToken(`${odd}.e30.AAAA`), 'malformed')
})
