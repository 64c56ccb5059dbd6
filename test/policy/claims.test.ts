import fc from 'fast-check'
import t from 'tap'
import { claimMatches, claimsHold, isObject, ownClaim, parseClaimPath, readClaim, type Claims, type Scalar } from '../../src/policy/claims.ts'

// As they come: JSON.parse makes `__proto__` an own member.
const claims = JSON.parse('{"a":{"b":{"c":1}},"a.b":"dotted","https://example.com/claims/a.b":"ns","list":["x",2,true,["y"]],"zero":0,"no":false,"null":null,"empty":"","__proto__":{"own":1}}') as Claims

t.test('a path reaches into objects, by dots', async t => {
  for (const [path, names] of [
    ['a', ['a']], ['a.b.c', ['a', 'b', 'c']], ['a\\.b', ['a.b']], ['a\\.b.c\\.d', ['a.b', 'c.d']], ['https://example.com/claims/a.b', ['https://example.com/claims/a.b']], ['urn:x', ['urn:x']], ['a b', ['a b']]
  ] as const) t.same(parseClaimPath(path), names)
  for (const path of ['', '.', 'a.', '.a', 'a..b']) t.throws(() => parseClaimPath(path), RangeError)
})

t.test('a claim is read through own properties only', async t => {
  for (const [path, value] of [
    ['a.b.c', 1], ['a\\.b', 'dotted'], ['https://example.com/claims/a.b', 'ns'], ['zero', 0], ['no', false], ['null', null], ['empty', ''], ['__proto__.own', 1],
    ['a.b.c.d', undefined], ['a.x', undefined], ['x', undefined], ['list.0', undefined], ['list.length', undefined], ['empty.length', undefined], ['null.x', undefined],
    ['constructor', undefined], ['a.constructor', undefined], ['toString', undefined], ['a.__proto__', undefined], ['a.hasOwnProperty', undefined]
  ] as const) t.equal(readClaim(claims, parseClaimPath(path)), value, path)
  t.equal(ownClaim({}, 'toString'), undefined)
  t.equal(ownClaim({}, '__proto__'), undefined)
})

t.test('one of the values will do, and types compare strictly', async t => {
  const rows: ReadonlyArray<readonly [actual: unknown, wanted: readonly Scalar[], holds: boolean]> = [
    ['x', ['x'], true], ['x', ['y', 'x'], true], [1, [1], true], [true, [true], true], [0, [0], true], [false, [false], true], ['', [''], true],
    [['a', 'x'], ['x'], true], [[2, 1], [1], true], [[], ['x'], false],
    ['1', [1], false], [1, ['1'], false], [true, ['true'], false], [1, [true], false], [0, [false], false], ['', [false], false], [null, ['null'], false], [undefined, ['undefined'], false],
    [[['x']], ['x'], false], [{ x: 'x' }, ['x'], false], ['X', ['x'], false], ['x y', ['x'], false], ['x', [], false], [NaN, [NaN], false]
  ]
  for (const [actual, wanted, holds] of rows) t.equal(claimMatches(actual, wanted), holds, `${JSON.stringify(actual)} of ${JSON.stringify(wanted)}`)
})

t.test('all conditions must hold', async t => {
  const condition = (name: string, ...values: Scalar[]) => ({ name, path: parseClaimPath(name), values })
  t.equal(claimsHold(claims, [condition('zero', 0), condition('list', 'q', 'x')]), true)
  t.equal(claimsHold(claims, [condition('zero', 0), condition('list', 'y')]), false)
  t.equal(claimsHold(claims, [condition('absent', 'undefined', false, 0, '')]), false)
})

t.test('an object is no list and not null', async t => {
  for (const value of [null, undefined, [], 'x', 1, () => {}]) t.equal(isObject(value), false)
  t.equal(isObject({}), true)
})

t.test('reading never throws, and a value is found by its own path', async t => {
  fc.assert(fc.property(fc.dictionary(fc.string({ minLength: 1 }), fc.jsonValue()), fc.array(fc.string(), { minLength: 1 }), (some, path) => {
    readClaim(some, path)
    for (const [name, value] of Object.entries(some)) t.equal(readClaim(some, [name]), value)
  }), { numRuns: 300 })
})
