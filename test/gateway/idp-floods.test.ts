import t from 'tap'
import { setTimeout as sleep } from 'node:timers/promises'
import { startErp } from '../support/erp.ts'
import * as faults from '../support/faults.ts'
import { forkGateway } from '../support/fork-gateway.ts'
import { startIdp } from '../support/idp.ts'
import { verifying } from '../support/machine-token.ts'
import { LONGEST_WAIT, retriesSoon, sceneRoutes, timed, until } from './idp-scene.ts'

const MiB = 1024 * 1024
const floods: Record<string, faults.Fault> = {
  '200 MB at once': faults.huge(200 * MiB),
  'an answer without an end': faults.endless(),
  'a gzip bomb': faults.gzipBomb(200 * MiB),
  'a refusal of 200 MB': (req, res) => {
    res.statusCode = 500
    return faults.huge(200 * MiB)(req, res)
  }
}

// They wait more than they work.
t.jobs = 3

// In a process of its own, whose memory can be told from that of the IdP.
for (const endpoint of ['discovery', 'jwks', 'token'] as const) {
  t.test(`a flood from ${endpoint} costs a 503, in bounded time and memory`, { buffered: true }, async t => {
    const idp = await startIdp(t, { alg: 'ES256' })
    const erp = await startErp(t, verifying(idp))
    idp.fail(endpoint, faults.answer(500))
    const gateway = await forkGateway(t, { idp, erp, routes: sceneRoutes, nodeArgs: ['--max-old-space-size=128'] })
    const ask = async () => await gateway.call({ path: '/orders', token: idp.mint() })
    t.equal((await ask()).status, 503)
    const before = await gateway.memory()
    for (const [name, fault] of Object.entries(floods)) {
      const asked = idp.requests[endpoint]
      idp.fail(endpoint, fault)
      // Until the flood has been asked for: within the pause after a failure nobody is.
      for (let met = false; !met; met = idp.requests[endpoint] > asked, await sleep(50)) {
        const answer = await timed(ask)
        t.equal(answer.status, 503, name)
        t.ok(retriesSoon(answer), name)
        t.ok(answer.ms < LONGEST_WAIT, name)
      }
    }
    t.ok(await gateway.memory() - before < 64 * MiB, 'memory grows by less than 64 MiB')
    t.equal(erp.requests.length, 0)
    idp.heal()
    t.equal((await until(200, ask)).status, 200)
  })
}
