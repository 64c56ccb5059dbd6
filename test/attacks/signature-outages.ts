import { setTimeout as sleep } from 'node:timers/promises'
import { LONGEST_WAIT, movableClock, retriesSoon, startScene, timed, until, type Faults } from '../gateway/idp-scene.ts'
import { startErp } from '../support/erp.ts'
import * as faults from '../support/faults.ts'
import { forkGateway } from '../support/fork-gateway.ts'
import { startIdp } from '../support/idp.ts'
import { createSigningKey } from '../support/signing-keys.ts'
import { noCredential, routes, type Attacks } from './token-attacks.ts'

const MiB = 1024 * 1024
const stranger = await createSigningKey('ES256')

const broken: Faults = {
  'a 500': faults.answer(500, 'oops'),
  'a 404 with keys': faults.json(404, { keys: [] }),
  'a 204': faults.answer(204),
  'a 206': faults.json(206, { keys: [] }),
  'a page': faults.html(),
  nothing: faults.empty(),
  null: faults.json(200, null),
  'a number': faults.json(200, 7),
  'a text': faults.json(200, 'keys'),
  'a list': faults.json(200, []),
  'an empty object': faults.json(200, {}),
  'keys of an object': faults.json(200, { keys: {} }),
  'keys of null': faults.json(200, { keys: null }),
  'keys of a text': faults.json(200, { keys: 'abc' }),
  'null among keys': faults.json(200, { keys: [null] }),
  'odd things among keys': faults.json(200, { keys: [1, 'x', [], {}, true, { kty: null }, { kty: 'RSA' }, { kty: 'EC', crv: 7 }, { kty: 'OKP', crv: 'Ed25519', x: [] }, { length: -1 }] }),
  'keys with names of the language': faults.answer(200, '{"__proto__":{"keys":[]},"constructor":{"prototype":{"polluted":1}},"keys":[{"__proto__":{"kty":"RSA"},"toString":1}]}', 'application/json'),
  'half a document': faults.truncatedJson(),
  'more than a document': faults.answer(200, '{"keys":[]}{"keys":[]}', 'application/json'),
  'a depth of 100,000': faults.answer(200, `{"keys":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, 'application/json'),
  'text that is no UTF-8': faults.answer(200, '{"keys":[\u00ff]}', 'application/json; charset=latin1'),
  'a gzip bomb': faults.gzipBomb(50 * MiB),
  'a lie about its length': (_req, res) => { res.writeHead(200, { 'content-length': 5000 }).end('{"keys":[]}', () => res.destroy()) },
  'no HTTP': (_req, res) => { res.socket?.end('SSH-2.0-OpenSSH_9.6\r\n') },
  'a reset': faults.reset()
}

/** Rows A25 to A30: an IdP that fails, and one that is made to work. */
export const outages: Attacks = {
  async A25 (t) {
    await Promise.all(Object.entries({ ...broken, 'a closed port': undefined }).map(async ([name, fault]) => {
      const { idp, erp, ask } = await startScene(t, {
        verifies: false,
        changes: noCredential,
        before: async idp => { await (fault === undefined ? idp.stop() : idp.fail('jwks', fault)) }
      })
      const answer = await timed(ask)
      t.match(answer, { status: 503, code: 'issuer-keys-unavailable' }, name)
      t.ok(retriesSoon(answer) && answer.ms < LONGEST_WAIT, name)
      t.equal(erp.requests.length, 0, name)
      await idp.start()
      idp.heal()
      t.equal((await until(200, ask)).status, 200, name)
      t.equal(erp.requests.length, 1, name)
    }))
    // What it calls itself is no matter: what counts is the document.
    const { ask } = await startScene(t, { verifies: false, changes: noCredential, before: idp => { idp.fail('jwks', faults.answer(200, JSON.stringify({ keys: idp.keys.published }), 'image/png')) } })
    t.equal((await ask()).status, 200)
  },

  async A26 (t) {
    const slow: Faults = { hangs: faults.hang(), stalls: faults.stall(), 'sends a byte now and then': faults.trickle() }
    await Promise.all(Object.entries(slow).map(async ([name, fault]) => {
      const cold = await startScene(t, { verifies: false, changes: noCredential, before: idp => { idp.fail('jwks', fault) } })
      const warm = await startScene(t, { verifies: false, changes: noCredential })
      const known = warm.idp.mint()
      t.equal((await warm.ask(known)).status, 200, name)
      warm.idp.fail('jwks', fault)
      const waiting = [timed(cold.ask), timed(async () => await warm.ask(warm.idp.mint({}, { key: { ...stranger, kid: 'new' } })))]
      await sleep(50)
      // While one waits for an unknown kid, a remembered token and a new one of a known key need not.
      for (const token of [known, warm.idp.mint({ sub: 'user-2' })]) {
        const answer = await timed(async () => await warm.ask(token))
        t.equal(answer.status, 200, name)
        t.ok(answer.ms < 3000, name)
      }
      for (const answer of await Promise.all(waiting)) {
        t.match(answer, { status: 503, code: 'issuer-keys-unavailable' }, name)
        t.ok(retriesSoon(answer) && answer.ms < LONGEST_WAIT, name)
      }
      t.equal(cold.erp.requests.length, 0, name)
      cold.idp.heal()
      t.equal((await until(200, cold.ask)).status, 200, name)
    }))
  },

  async A27 (t) {
    const idp = await startIdp(t, { alg: 'ES256' })
    const erp = await startErp(t)
    const gateway = await forkGateway(t, { idp, erp, routes, changes: noCredential, nodeArgs: ['--max-old-space-size=128'] })
    const token = idp.mint()
    t.equal((await gateway.call({ path: '/orders', token })).status, 200)
    let kid = 0
    const flood = async (fault: faults.Fault): Promise<void> => {
      const asked = idp.requests.jwks
      idp.fail('jwks', fault)
      // Until it has been asked for: within the pause after a failure nobody is.
      for (; idp.requests.jwks === asked; await sleep(50)) {
        const answer = await timed(async () => await gateway.call({ path: '/orders', token: idp.mint({}, { key: { ...stranger, kid: `k${kid++}` } }) }))
        t.equal(answer.status, 503)
        t.ok(answer.ms < LONGEST_WAIT)
      }
    }
    await flood(faults.huge(200 * MiB))
    const before = await gateway.memory()
    await flood(faults.endless())
    // A process that reads on would be at 200 MiB and more; what is below this is its collector's.
    t.ok(await gateway.memory() - before < 64 * MiB, 'memory grows by less than 64 MiB')
    t.equal((await gateway.call({ path: '/orders', token })).status, 200)
    t.equal(erp.requests.length, 2)
  },

  async A28 (t) {
    // Time stands still: in half a minute there would be budget for another one.
    const now = Date.now()
    const { idp, erp, ask } = await startScene(t, { verifies: false, changes: noCredential, clock: () => now, idp: { clock: () => now } })
    const valid = idp.mint()
    t.equal((await ask(valid)).status, 200)
    const asked = idp.requests.lines.length
    const key = (kid: string) => ({ ...stranger, kid })
    const statuses = { valid: new Set<number>(), invented: new Set<number>() }
    const invented = async (token: string): Promise<void> => {
      statuses.invented.add((await ask(token)).status)
      statuses.valid.add((await ask(valid)).status)
    }
    await Promise.all(Array.from({ length: 200 }, async (_, at) => { await invented(idp.mint({}, { key: key(`random-${at}`) })) }))
    for (let at = 0; at < 50; at++) await invented(idp.mint({}, { key: key('the same') }))
    for (let at = 0; at < 50; at++) await invented(idp.mint({}, { key: stranger, header: { kid: idp.keys.current.kid, alg: `RS${at}` } }))
    for (const alg of ['RS256', 'PS512', 'ES384', 'EdDSA']) for (let at = 0; at < 12; at++) await invented(idp.mint({}, { key: stranger, header: { kid: idp.keys.current.kid, alg } }))
    for (let at = 0; at < 50; at++) await invented(idp.mint({ exp: Math.floor(now / 1000) - 60 }, { key: key(`old-${at}`) }))
    t.same(statuses, { valid: new Set([200]), invented: new Set([401]) })
    t.same(idp.requests.lines.slice(asked), ['GET /jwks', 'GET /jwks'])
    t.equal(erp.requests.length, 1 + 200 + 50 + 50 + 48 + 50)
  },

  async A30 (t) {
    const clock = movableClock()
    const { idp, erp, ask } = await startScene(t, { verifies: false, keyRefresh: 300, clock, idp: { clock }, changes: { ...noCredential, issuers: { main: { keys_max_stale: '1h' } } } })
    t.equal((await ask()).status, 200)
    idp.fail('jwks', faults.answer(500))
    await sleep(700)
    const began = Date.now()
    const asked = idp.requests.jwks
    for (let at = 0; at < 30; at++, await sleep(20)) {
      t.equal((await ask()).status, 200)
      t.match(await ask(idp.mint({}, { key: { ...stranger, kid: `k${at}` } })), { status: 503, code: 'issuer-keys-unavailable' })
    }
    // The background refresh comes at most each 240 ms, and the shortest pause is half of a quarter second.
    t.ok(idp.requests.jwks - asked <= 3 + (Date.now() - began) / 125, 'no more than one to a pause')
    t.ok(idp.requests.jwks - asked < 30, 'and not one to a request')
    // Past keys_max_stale it is a 503 for all, and still no flood.
    clock.by += 3_700_000
    const [later, then] = [Date.now(), idp.requests.jwks]
    for (let at = 0; at < 30; at++, await sleep(20)) t.match(await ask(), { status: 503, code: 'issuer-keys-unavailable' })
    t.ok(idp.requests.jwks - then <= 3 + (Date.now() - later) / 125)
    t.equal(erp.requests.length, 31)
    idp.heal()
    t.equal((await until(200, ask)).status, 200)
  }
}
