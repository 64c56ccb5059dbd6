import t from 'tap'
import * as faults from '../support/faults.ts'
import { startIdp } from '../support/idp.ts'
import { LONGEST_WAIT, movableClock, retriesSoon, startScene, timed, until, type Faults } from './idp-scene.ts'

// They wait more than they work.
t.jobs = 4

const noKeys = (keys: unknown): faults.Fault => faults.json(200, { keys })

const quick: Faults = {
  'a 500': faults.answer(500, 'oops'),
  'a 404 with keys': faults.json(404, { keys: [] }),
  'a page': faults.html(),
  nothing: faults.empty(),
  'half a document': faults.truncatedJson(),
  'a list': faults.json(200, []),
  null: faults.json(200, null),
  'an empty object': faults.json(200, {}),
  'no keys': noKeys([]),
  'keys that are none': noKeys([1, null, 'x', {}]),
  'more keys than anyone has': noKeys(Array.from({ length: 5000 }, (_, n) => ({ kty: 'RSA', kid: `k${n}` }))),
  'text that is no UTF-8': faults.answer(200, '{"keys":[\u00ff]}', 'application/json; charset=latin1'),
  'a reset': faults.reset(),
  'a compressed answer': faults.gzipBomb(1024)
}

const slow: Faults = { hangs: faults.hang(), stalls: faults.stall(), 'sends a byte now and then': faults.trickle() }

for (const endpoint of ['discovery', 'jwks'] as const) {
  t.test(`when ${endpoint} answers with something that cannot be used it is a 503, and it recovers by itself`, { buffered: true }, async t => {
    await Promise.all(Object.entries(quick).map(async ([name, fault]) => {
      const { idp, erp, ask } = await startScene(t, { before: idp => { idp.fail(endpoint, fault) } })
      const answer = await timed(ask)
      t.match(answer, { status: 503, code: 'issuer-keys-unavailable' }, name)
      t.ok(retriesSoon(answer), name)
      t.ok(answer.ms < LONGEST_WAIT, name)
      t.equal(erp.requests.length, 0, name)
      idp.heal()
      t.equal((await until(200, ask)).status, 200, name)
    }))
  })

  t.test(`when ${endpoint} does not come to an end it is a 503 in five seconds, whoever waits`, { buffered: true }, async t => {
    await Promise.all(Object.entries(slow).map(async ([name, fault]) => {
      const { idp, erp, ask } = await startScene(t, { before: idp => { idp.fail(endpoint, fault) } })
      const answers = await Promise.all(Array.from({ length: 20 }, async () => await timed(ask)))
      for (const answer of answers) {
        t.match(answer, { status: 503, code: 'issuer-keys-unavailable' }, name)
        t.ok(retriesSoon(answer), name)
        t.ok(answer.ms < LONGEST_WAIT, name)
      }
      t.equal(erp.requests.length, 0, name)
      t.ok(idp.requests[endpoint] <= 3, name)
      idp.heal()
      t.equal((await until(200, ask)).status, 200, name)
    }))
  })
}

t.test('keys in hand go on whatever the IdP answers, and unknown ones are a 503', { buffered: true }, async t => {
  await Promise.all(Object.entries({ ...quick, ...slow }).filter(([name]) => name !== 'no keys' && name !== 'keys that are none').map(async ([name, fault]) => {
    const { idp, ask } = await startScene(t)
    const known = idp.mint()
    t.equal((await ask(known)).status, 200, name)
    idp.fail('jwks', fault)
    const late = await idp.keys.add()
    const unknown = timed(async () => await ask(idp.mint({}, { key: late })))
    t.equal((await ask(known)).status, 200, name)
    const answer = await unknown
    t.match(answer, { status: 503, code: 'issuer-keys-unavailable' }, name)
    t.ok(answer.ms < LONGEST_WAIT, name)
    t.equal((await ask(known)).status, 200, name)
  }))
})

t.test('redirects are not followed: where they lead sees nothing', { buffered: true }, async t => {
  const canary = await startIdp(t, { alg: 'ES256' })
  for (const endpoint of ['discovery', 'jwks', 'token'] as const) {
    for (const status of [301, 302, 303, 307, 308] as const) {
      const { erp, ask } = await startScene(t, { before: idp => { idp.fail(endpoint, faults.redirect(`${canary.origin}/jwks`, status)) } })
      t.match(await ask(), { status: 503, code: endpoint === 'token' ? 'machine-token-unavailable' : 'issuer-keys-unavailable' })
      t.equal(erp.requests.length, 0)
    }
  }
  t.same(canary.requests.lines, [])
  t.equal(canary.accepted, 0)
})

t.test('a request waits five seconds in all, for keys and for a machine token together', { buffered: true }, async t => {
  const { erp, ask } = await startScene(t, {
    // The keys take more than four seconds; then a second attempt at a token begins, which hangs for four more.
    before (idp) {
      idp.fail('discovery', faults.slow(2200))
      idp.fail('jwks', faults.slow(2200))
      idp.fail('token', faults.hang())
    },
    changes: idp => ({ upstreams: { erp: { credential: { client_credentials: { issuer: undefined, token_endpoint: idp.tokenEndpoint } } } } })
  })
  const answer = await timed(ask)
  t.match(answer, { status: 503, code: 'machine-token-unavailable' })
  t.ok(retriesSoon(answer))
  t.ok(answer.ms < LONGEST_WAIT)
  t.equal(erp.requests.length, 0)
})

t.test('an IdP that is slow, but not too slow, costs its callers nothing but time', { buffered: true }, async t => {
  const { idp, ask } = await startScene(t, {
    before (idp) {
      idp.fail('discovery', faults.slow(1000))
      idp.fail('jwks', faults.slow(1000))
      idp.fail('token', faults.slow(1500))
    }
  })
  const answers = await Promise.all(Array.from({ length: 20 }, async () => await ask()))
  t.same(new Set(answers.map(({ status }) => status)), new Set([200]))
  t.match(idp.requests, { discovery: 1, jwks: 1, token: 1 })
})

t.test('a public route needs no keys', { buffered: true }, async t => {
  const clock = movableClock()
  const { gateway } = await startScene(t, { clock, before: idp => { idp.fail('jwks', faults.answer(500)) } })
  t.equal((await gateway.call({ path: '/status' })).status, 200)
})
