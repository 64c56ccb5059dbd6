import t from 'tap'
import { setTimeout as sleep } from 'node:timers/promises'
import * as faults from '../support/faults.ts'
import type { Idp } from '../support/idp.ts'
import { LONGEST_WAIT, retriesSoon, startScene, timed, until, type Faults } from './idp-scene.ts'

// They wait more than they work.
t.jobs = 4

const token = (answer: object): faults.Fault => faults.json(200, { access_token: 'a-token-of-the-test', token_type: 'Bearer', expires_in: 60, ...answer })

const quick: Faults = {
  'a 500': faults.answer(500, 'oops'),
  'a 201': faults.json(201, { access_token: 'a-token-of-the-test', token_type: 'Bearer' }),
  'a 204': faults.answer(204),
  'a 205': faults.answer(205),
  'a page': faults.html(),
  nothing: faults.empty(),
  'half an answer': faults.truncatedJson(),
  'a list': faults.json(200, []),
  null: faults.json(200, null),
  'no token': token({ access_token: undefined }),
  'an empty token': token({ access_token: '' }),
  'a token that is a number': token({ access_token: 7 }),
  'a token that is a list': token({ access_token: ['a-token-of-the-test'] }),
  'a token that ends its header': token({ access_token: 'a-token\r\nX-Evil: 1' }),
  'a token with a blank': token({ access_token: 'a token' }),
  'a token beyond ASCII': token({ access_token: 'a-tökén' }),
  'a token of type mac': token({ token_type: 'mac' }),
  'a token of type DPoP': token({ token_type: 'DPoP' }),
  'a token of type N_A': token({ token_type: 'N_A' }),
  'a token of no type': token({ token_type: undefined }),
  'a token that has ended': token({ expires_in: 0 }),
  'a token that ended before': token({ expires_in: -60 }),
  'a token beyond any header': token({ access_token: 'x'.repeat(70_000) }),
  'a refusal': faults.json(400, { error: 'invalid_scope', error_description: 'see https://evil.example.com' }),
  'a refusal with a challenge': (_req, res) => { res.writeHead(401, { 'www-authenticate': 'Bearer error="x"', 'content-type': 'application/json' }).end('{"error":"invalid_client"}') },
  'a refusal in words of its own': faults.json(400, { error: { code: 7 } }),
  'a compressed answer': faults.gzipBomb(1024),
  'a reset': faults.reset()
}

const slow: Faults = { hangs: faults.hang(), stalls: faults.stall(), 'sends a byte now and then': faults.trickle() }

t.test('an answer that is no token is a 503, and it recovers by itself', { buffered: true }, async t => {
  await Promise.all(Object.entries(quick).map(async ([name, fault]) => {
    const { idp, erp, gateway } = await startScene(t, { before: idp => { idp.fail('token', fault) } })
    const ask = async () => await gateway.call({ path: '/status' })
    const answer = await timed(ask)
    t.match(answer, { status: 503, code: 'machine-token-unavailable' }, name)
    t.ok(retriesSoon(answer), name)
    t.ok(answer.ms < LONGEST_WAIT, name)
    t.equal(erp.requests.length, 0, name)
    // Nothing of the answer is told to anybody.
    t.notMatch(`${answer.text}${gateway.log}`, /a-t\S+k\S+n|X-Evil|evil\.example|oops/, name)
    idp.heal()
    t.equal((await until(200, ask)).status, 200, name)
  }))
})

t.test('an answer that does not come to an end is a 503 in five seconds, and all wait for the same', { buffered: true }, async t => {
  await Promise.all(Object.entries(slow).map(async ([name, fault]) => {
    const { idp, erp, gateway } = await startScene(t, { before: idp => { idp.fail('token', fault) } })
    const ask = async () => await gateway.call({ path: '/status' })
    const answers = await Promise.all(Array.from({ length: 30 }, async () => await timed(ask)))
    for (const answer of answers) {
      t.match(answer, { status: 503, code: 'machine-token-unavailable' }, name)
      t.ok(retriesSoon(answer), name)
      t.ok(answer.ms < LONGEST_WAIT, name)
    }
    t.equal(erp.requests.length, 0, name)
    t.ok(idp.requests.token <= 3, name)
    idp.heal()
    t.equal((await until(200, ask)).status, 200, name)
  }))
})

t.test('a token in hand goes on whatever its renewal gets', { buffered: true }, async t => {
  await Promise.all(Object.entries({ 'a 500': faults.answer(500), hangs: faults.hang(), 'a token that has ended': token({ expires_in: 0 }) }).map(async ([name, fault]) => {
    const { idp, ask } = await startScene(t, { before: idp => { Object.assign(idp.machine, { format: 'opaque', expiresIn: 6 }) }, verifies: false })
    t.equal((await ask()).status, 200, name)
    idp.fail('token', fault)
    // The renewal begins before 0.8 of its life; what comes shortly after is still within it.
    for (const deadline = Date.now() + 10_000; idp.requests.token < 2 && Date.now() < deadline; await sleep(20)) t.equal((await ask()).status, 200, name)
    t.equal(idp.requests.token, 2, name)
    for (let n = 0; n < 5; n++) t.equal((await ask()).status, 200, name)
  }))
})

t.test('lifetimes that are none say nothing, and what else is in the answer does not count', { buffered: true }, async t => {
  const answers: Record<string, (idp: Idp) => void> = {
    digits: idp => { idp.machine.expiresIn = '300' },
    'more digits than fit': idp => { idp.machine.expiresIn = '9'.repeat(400) },
    'a huge number': idp => { idp.machine.expiresIn = 1e300 },
    none: idp => { idp.machine.expiresIn = undefined },
    null: idp => { idp.machine.expiresIn = null },
    text: idp => { idp.machine.expiresIn = 'soon' },
    'a number with a word': idp => { idp.machine.expiresIn = '300 seconds' },
    'a list': idp => { idp.machine.expiresIn = [300] },
    'bearer in capitals': idp => { idp.machine.tokenType = 'BEARER' },
    'an ID token beside it': idp => { idp.machine.answer = { id_token: 'eyJub3RoaW5n', refresh_token: 7, scope: [] } }
  }
  await Promise.all(Object.entries(answers).map(async ([name, before]) => {
    const { erp, idp, gateway } = await startScene(t, { before, verifies: false })
    for (let n = 0; n < 3; n++) t.equal((await gateway.call({ path: '/status' })).status, 200, name)
    t.equal(idp.requests.token, 1, name)
    t.equal(erp.requests.length, 3, name)
  }))
})
