import fc from 'fast-check'
import t from 'tap'
import { compileHeaderRules, headerValue, isRemovedAlways, passingHeaders } from '../../src/outbound/upstream-headers.ts'

const NO_RULES = compileHeaderRules({ removed: new Set(), kept: new Set() })

t.test('a claim becomes one line of visible ASCII, whatever it is', async t => {
  fc.assert(fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.jsonValue()), claim => {
    const value = headerValue(claim)
    return value === undefined ? claim === null : /^[\x21-\x7e]*$/.test(value)
  }))
  t.same([undefined, null].map(headerValue), [undefined, undefined])
  t.same(['', 'a b', 0, false, [], ['a', 1], { a: 1 }].map(headerValue), ['', 'a%20b', '0', 'false', '', 'a,1', '{"a":1}'])
})

t.test('nothing passes that the gateway removes, in any letter case or spelling', async t => {
  const names = fc.constantFrom('authorization', 'cookie', 'x-forwarded-for', 'x-forwarded-anything', 'x-auth-request-user', 'ssl-client-cert', 'remote-user', 'x-original-url', 'host', 'expect', 'trailer', 'content-length', 'transfer-encoding')
  fc.assert(fc.property(names, fc.nat(), fc.constantFrom('-', '_', '.', '~', '!'), (name, seed, mark) => {
    const spelled = [...name].map((letter, at) => (seed >> at) & 1 ? letter.toUpperCase() : letter).join('').replaceAll('-', mark)
    return passingHeaders(['Accept', '*/*', spelled, 'x'], NO_RULES).headers.join() === 'Accept,*/*'
  }))
  t.ok(isRemovedAlways('x-forwarded-for'))
  t.notOk(isRemovedAlways('accept'))
})

t.test('what is kept is kept by its very name', async t => {
  const rules = compileHeaderRules({ removed: new Set(), kept: new Set(['x-api-key', 'x-forwarded-prefix']) })
  t.same(passingHeaders(['X-Api-Key', '1', 'X.Api.Key', '2', 'X-Forwarded-Prefix', '3', 'X-Forwarded-For', '4'], rules).headers, ['X-Api-Key', '1', 'X-Forwarded-Prefix', '3'])
  t.same(passingHeaders(['X-Api-Key', '1', 'Connection', 'x-api-key'], rules).headers, [])
})
