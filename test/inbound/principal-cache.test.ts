import t from 'tap'
import { createPrincipalCaches, type CacheBounds, type PrincipalCache, type PrincipalCaches } from '../../src/inbound/principal-cache.ts'
import type { VerificationKey } from '../../src/inbound/key.ts'
import type { KeyStore } from '../../src/inbound/key-store.ts'
import type { Verified } from '../../src/inbound/verify.ts'
import type { Decision, PolicyRule } from '../../src/policy/decide.ts'
import { userOf } from '../policy/principals.ts'

const FROM = 1_000_000
const UNTIL = 2_000_000

interface Scene {
  readonly caches: PrincipalCaches
  readonly cache: PrincipalCache & Pick<PrincipalCaches, 'size'>
  readonly clock: { now: number }
  /** the keys that are in the issuer's set */
  readonly held: Set<VerificationKey>
  readonly verified: Verified
}

function scene (bounds: Partial<CacheBounds> = {}): Scene {
  const key: VerificationKey = { kid: 'k', algorithms: ['ES256'], id: 'k', verifies: () => true }
  const held = new Set([key])
  const keys: KeyStore = {
    find: () => 'unknown',
    holds: one => held.has(one),
    status: () => ({ tried: true, usable: true, keys: 1, fetchedAt: 0, pause: 0 }),
    close () {}
  }
  const clock = { now: FROM }
  const caches = createPrincipalCaches({ max: 10, max_size: 1_000_000, ...bounds }, () => clock.now)
  return { caches, cache: { ...caches.of([keys]), size: caches.size }, clock, held, verified: { principal: userOf(), from: FROM, until: UNTIL, key, keys } }
}

function ruleNamed (id: string): PolicyRule {
  return { id, at: 'routes.yaml:1', requirement: 'public', isConstant: true, issuers: new Set(), reports: false }
}

t.test('what was kept is found, the very one, with what rules said of it', async t => {
  const { cache, verified } = scene()
  t.equal(cache.size(), 0)
  t.equal(cache.find('a'), undefined)
  const kept = cache.keep('a', verified)
  t.equal(kept.principal, verified.principal)
  t.equal(cache.find('a'), kept)
  t.equal(cache.find('b'), undefined)
  t.equal(cache.size(), 1)
  // Kept again it is another, which no rule has judged.
  const again = cache.keep('a', verified)
  t.not(again, kept)
  t.equal(cache.find('a'), again)
  t.equal(cache.size(), 1)
})

t.test('it is found from the first millisecond of its time to the last, and goes at its end', async t => {
  const { cache, clock, verified } = scene()
  const kept = cache.keep('a', verified)
  for (const [now, found, size] of [[FROM - 1, undefined, 1], [FROM, kept, 1], [UNTIL - 1, kept, 1], [UNTIL, undefined, 0], [UNTIL - 1, undefined, 0]] as const) {
    clock.now = now
    t.equal(cache.find('a'), found, String(now))
    t.equal(cache.size(), size, String(now))
  }
})

t.test('without its key it is not found, and stays until its end', async t => {
  const { cache, clock, held, verified } = scene()
  const kept = cache.keep('a', verified)
  held.clear()
  t.equal(cache.find('a'), undefined)
  t.equal(cache.size(), 1)
  held.add({ ...verified.key })
  t.equal(cache.find('a'), undefined)
  held.add(verified.key)
  t.equal(cache.find('a'), kept)
  held.clear()
  clock.now = UNTIL
  t.equal(cache.find('a'), undefined)
  t.equal(cache.size(), 0)
})

t.test('tokens with the same 64 characters at their end are two, of which one is kept', async t => {
  const { cache, clock, verified } = scene()
  const [one, other] = ['1', '2'].map(first => (first + 's'.repeat(64)).padStart(200, 'x'))
  const kept = cache.keep(one ?? '', verified)
  t.equal(cache.find(other ?? ''), undefined)
  clock.now = UNTIL
  t.equal(cache.find(other ?? ''), undefined)
  clock.now = FROM
  t.equal(cache.find(one ?? ''), kept)
  const second = cache.keep(other ?? '', verified)
  t.equal(cache.find(one ?? ''), undefined)
  t.equal(cache.find(other ?? ''), second)
  t.equal(cache.size(), 1)
  for (const first of ['1', '2']) cache.keep(`${'x'.repeat(136)}${first}${'s'.repeat(63)}`, verified)
  t.equal(cache.size(), 3)
})

t.test('of more than it may take the one that was not seen longest goes', async t => {
  const { cache, verified } = scene({ max: 2 })
  for (const token of ['a', 'b']) cache.keep(token, verified)
  t.ok(cache.find('a'))
  cache.keep('c', verified)
  t.same(['a', 'b', 'c'].map(token => cache.find(token) !== undefined), [true, false, true])
  t.equal(cache.size(), 2)
})

t.test('a token takes two bytes for each of its own, and 600', async t => {
  for (const [max_size, kept] of [[799, []], [800, ['b']], [1599, ['b']], [1600, ['a', 'b']]] as const) {
    const { cache, verified } = scene({ max_size })
    for (const one of ['a', 'b']) cache.keep(one.repeat(100), verified)
    t.same(['a', 'b'].filter(one => cache.find(one.repeat(100)) !== undefined), kept, String(max_size))
    t.equal(cache.size(), kept.length)
  }
})

t.test('a cache of none keeps nothing, and still says who it was', async t => {
  const { cache, verified } = scene({ max: 0 })
  t.equal(cache.keep('a', verified).principal, verified.principal)
  t.equal(cache.find('a'), undefined)
  t.equal(cache.size(), 0)
})

t.test('what rules said of it is remembered for that token and each rule, a hundred of them', async t => {
  const { cache, verified } = scene()
  const rules = Array.from({ length: 102 }, (_, at) => ruleNamed(`rule-${at}`))
  const decisions = rules.map((_, at): Decision => at % 2 === 0 ? { granted: true, findings: [], reported: undefined } : { granted: false, code: 'principal-kind', findings: [], failed: [], missingScopes: [] })
  const [kept, other] = [cache.keep('a', verified), cache.keep('b', verified)]
  for (const [at, rule] of rules.entries()) {
    t.equal(kept.decisionOf(rule), undefined)
    const decision = decisions[at]
    if (decision !== undefined) kept.remember(rule, decision)
  }
  t.same(rules.map(rule => kept.decisionOf(rule)), decisions.map((decision, at) => at < 100 ? decision : undefined))
  t.same(rules.map(rule => other.decisionOf(rule)), rules.map(() => undefined))
})

t.test('who else reads it finds the tokens of its own issuers only, and nothing that other rules said', async t => {
  const { caches, cache, verified } = scene()
  const kept = cache.keep('a', verified)
  const [rule, granted] = [ruleNamed('old'), { granted: true, findings: [], reported: undefined } as const]
  kept.remember(rule, granted)
  t.equal(cache.find('a')?.decisionOf(rule), granted)
  const strangers = caches.of([{ ...verified.keys }])
  t.equal(strangers.find('a'), undefined)
  t.equal(cache.find('a'), kept)
  const next = caches.of([verified.keys])
  const found = next.find('a')
  t.equal(found?.principal, verified.principal)
  t.equal(found?.decisionOf(rule), undefined)
  const others = Array.from({ length: 100 }, (_one, at) => ruleNamed(String(at)))
  for (const other of others) found?.remember(other, granted)
  t.same(others.map(other => next.find('a')?.decisionOf(other) === granted), others.map(() => true), 'there is room for as many as ever')
  t.equal(caches.size(), 1)
})
