import t from 'tap'
import { classify } from '../../../src/policy/principal.ts'
import { evidenceOf, headerType, hint, proof, strong, words, type Seen, type Sign } from '../../../src/policy/profiles/evidence.ts'
import { PROFILES } from '../../../src/policy/profiles/index.ts'
import { defineProfile } from '../../../src/policy/profiles/profile.ts'

const holds = () => true
const header = { alg: 'RS256', typ: 'at+jwt' }

t.test('evidence has the claim\'s value where that is a scalar, a long one cut', async t => {
  const seen: Seen = { header, claims: { s: 'x'.repeat(101), n: 1, b: false, o: {}, l: ['a'], z: null }, type: 'at+jwt', subject: undefined, client: undefined, audience: [] }
  const signs = [
    proof('s', 'a string', holds), strong('n', 'a number', holds), hint('b', 'a boolean', holds), proof('o', 'an object', holds), proof('l', 'a list', holds),
    proof('z', 'nothing', holds), proof('gone', 'absent', holds), proof('header typ', 'the type', holds), proof('s', 'does not hold', () => false)
  ]
  t.strictSame(evidenceOf(signs, seen), [
    { claim: 's', value: 'x'.repeat(100), says: 'a string', strength: 'proof' },
    { claim: 'n', value: 1, says: 'a number', strength: 'strong' },
    { claim: 'b', value: false, says: 'a boolean', strength: 'hint' },
    { claim: 'o', says: 'an object', strength: 'proof' },
    { claim: 'l', says: 'a list', strength: 'proof' },
    { claim: 'z', says: 'nothing', strength: 'proof' },
    { claim: 'gone', says: 'absent', strength: 'proof' },
    { claim: 'header typ', value: 'at+jwt', says: 'the type', strength: 'proof' }
  ])
})

t.test('a header\'s type is one of four', async t => {
  for (const [typ, type] of [
    ['at+jwt', 'at+jwt'], ['application/at+jwt', 'at+jwt'], ['APPLICATION/AT+JWT', 'at+jwt'], ['JWT', 'jwt'], ['logout+jwt', 'logout+jwt'], ['application/application/jwt', 'other'],
    ['x-application/jwt', 'other'], ['at+application/jwt', 'other'], ['application/', 'other'], ['', 'other'], ['secevent+jwt', 'other']
  ] as const) t.equal(headerType({ alg: 'RS256', typ }), type, typ)
  t.equal(headerType({ alg: 'RS256' }), 'jwt')
})

t.test('words are those of strings and numbers, at any white space, in small letters', async t => {
  for (const [value, expected] of [['A  b\tC', ['a', 'b', 'c']], [[1, 'B c', {}, null, true], ['1', 'b', 'c']], [11, ['11']], [{}, []], [undefined, []]] as const) t.same(words({ x: value }, 'x'), expected)
})

t.test('evidence by the operator\'s own marker names the marker', async t => {
  const condition = [{ name: 'x', path: ['x'], values: [1] }]
  for (const [marker, kind] of [['access_token_when', 'unknown'], ['user_when', 'user'], ['client_when', 'client']] as const) {
    const { evidence, kind: found } = classify({ name: 'main', profile: PROFILES.rfc9068, [marker]: condition }, { header: marker === 'access_token_when' ? { alg: 'RS256' } : header, claims: { x: 1, sub: 'a', client_id: 'b' } })
    t.equal(found, kind)
    t.ok(evidence.some(({ claim, value, says, strength }) => claim === 'x' && value === 1 && says.includes(marker) && strength === 'proof'), marker)
  }
})

t.test('a hint speaks for nobody and against nobody', async t => {
  const kindOf = (user: readonly Sign[], client: readonly Sign[]) => {
    const profile = defineProfile({ name: 'own', clientClaims: [], access: [proof('x', 'an access token', holds)], user, client })
    return classify({ name: 'main', profile }, { header, claims: { x: 1 } }).kind
  }
  const [sign, doubt, guess] = [proof('x', 'by proof', holds), strong('x', 'strongly', holds), hint('x', 'by a hint', holds)]
  t.equal(kindOf([sign], [guess]), 'user')
  t.equal(kindOf([guess], [sign]), 'client')
  t.equal(kindOf([sign], [doubt]), 'unknown')
  t.equal(kindOf([guess], []), 'unknown')
})

t.test('what nobody proved, and what two prove, is a hint to the two markers', async t => {
  const condition = [{ name: 'x', path: ['x'], values: [1] }]
  for (const markers of [{}, { user_when: condition, client_when: condition }]) {
    const { kind, evidence } = classify({ name: 'main', profile: PROFILES.rfc9068, ...markers }, { header, claims: { x: 1, sub: 'a', client_id: 'b' } })
    t.equal(kind, 'unknown')
    t.match(evidence.at(-1), { claim: 'user_when, client_when', strength: 'hint' })
  }
})
