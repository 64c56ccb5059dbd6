import { decodeJwt } from 'jose'
import t from 'tap'
import { setTimeout as sleep } from 'node:timers/promises'
import * as faults from '../support/faults.ts'
import { answering, type ErpHandler } from '../support/erp.ts'
import { retriesSoon, startScene, until, type Scene } from './idp-scene.ts'

// They wait more than they work.
t.jobs = 6

/** Requests one after the other from several callers, each with when it began and ended. */
async function traffic ({ gateway }: Scene, ms: number, callers = 4) {
  const answers: Array<{ status: number, code: string | undefined, soon: boolean, began: number, ended: number }> = []
  const deadline = Date.now() + ms
  await Promise.all(Array.from({ length: callers }, async () => {
    while (Date.now() < deadline) {
      const began = Date.now()
      const answer = await gateway.call({ path: '/status' })
      answers.push({ status: answer.status, code: answer.code, soon: retriesSoon(answer), began, ended: Date.now() })
      await sleep(10)
    }
  }))
  return answers
}

t.test('two hundred callers on a cold start make one token request, one for the document, one for the keys', { buffered: true }, async t => {
  const { idp, erp, ask } = await startScene(t, {
    before (idp) {
      idp.fail('jwks', faults.slow(200))
      idp.fail('token', faults.slow(500))
    }
  })
  const token = idp.mint()
  const answers = await Promise.all(Array.from({ length: 200 }, async () => await ask(token)))
  t.same(new Set(answers.map(({ status }) => status)), new Set([200]))
  t.same(idp.requests.lines.sort(), ['GET /.well-known/openid-configuration', 'GET /jwks', 'POST /token'])
  t.equal(new Set(erp.requests.map(({ headers }) => headers.authorization)).size, 1)
  t.equal(erp.requests.length, 200)
})

t.test('tokens of three seconds serve ten seconds of traffic: none is refused, none is shown after its end', { buffered: true }, async t => {
  const shown = { refused: 0 }
  const count: ErpHandler = answering()
  await Promise.all(['jwt', 'opaque'].map(async format => {
    const scene = await startScene(t, {
      before (idp) { Object.assign(idp.machine, { format, expiresIn: 3 }) },
      // The ERP checks a JWT's exp by the clock; of an opaque one it knows when it was issued.
      verifies: format === 'jwt',
      async erp (req, res, seen) {
        const issued = ends.get(String(seen.headers.authorization))
        if (issued !== undefined && Date.now() >= issued) shown.refused += 1
        await count(req, res, seen)
      }
    })
    const { idp, erp } = scene
    const ends = new Map<string, number>()
    const watch = setInterval(() => {
      for (const { token = '' } of idp.tokenRequests) if (!ends.has(`Bearer ${token}`)) ends.set(`Bearer ${token}`, Date.now() + 3000)
    }, 5)
    const answers = await traffic(scene, 10_000)
    clearInterval(watch)
    t.ok(answers.length > 100, format)
    t.same(new Set(answers.map(({ status }) => status)), new Set([200]), format)
    t.equal(erp.requests.length, answers.length, format)
    t.ok(idp.requests.token >= 3 && idp.requests.token <= 9, `${format}: ${idp.requests.token} token requests`)
  }))
  t.equal(shown.refused, 0)
})

t.test('with the IdP gone traffic goes on until the real end of the token, then it is a 503, and it recovers by itself', { buffered: true }, async t => {
  // The token says when it ends; by expires_in it would be counted from when it was asked for.
  const scene = await startScene(t, { before: idp => { Object.assign(idp.machine, { expiresIn: 300, lifetime: 5 }) } })
  const { idp, erp } = scene
  t.equal((await scene.ask()).status, 200)
  await idp.stop()
  // What the ERP is shown from now on: a renewal may have been cut off.
  t.equal((await scene.ask()).status, 200)
  const token = String(erp.requests.at(-1)?.headers.authorization).replace('Bearer ', '')
  const end = (decodeJwt(token).exp ?? 0) * 1000
  const answers = await traffic(scene, end + 1500 - Date.now())
  const before = answers.filter(({ ended }) => ended < end)
  const after = answers.filter(({ began }) => began >= end)
  t.ok(before.length > 20 && after.length > 20)
  t.same(new Set(before.map(({ status }) => status)), new Set([200]))
  t.same(new Set(after.map(({ code }) => code)), new Set(['machine-token-unavailable']))
  t.ok(after.every(({ status, soon }) => status === 503 && soon))
  // Shown in the last millisecond it may arrive after it: one for each caller, at most.
  const more = erp.requests.length - 2 - answers.filter(({ status }) => status === 200).length
  t.ok(more >= 0 && more <= 4, `${more} more`)
  await idp.start()
  t.equal((await until(200, scene.ask)).status, 200)
})

t.test('it recovers without a request that asks for it', { buffered: true }, async t => {
  const { idp, gateway } = await startScene(t, { before: async idp => { await idp.stop() } })
  await idp.start()
  for (const deadline = Date.now() + 15_000; idp.requests.token === 0 && Date.now() < deadline;) await sleep(50)
  t.equal(idp.requests.token, 1)
  t.equal((await gateway.call({ path: '/status' })).status, 200)
  t.equal(idp.requests.token, 1)
})

t.test('a token that nobody uses is left to end; one that is used is renewed before', { buffered: true }, async t => {
  const { idp, gateway } = await startScene(t, { before: idp => { Object.assign(idp.machine, { format: 'opaque', expiresIn: 2 }) }, verifies: false })
  const get = async () => (await gateway.call({ path: '/status' })).status
  await sleep(2500)
  t.equal(idp.requests.token, 1)
  t.match(await gateway.admin('/readyz'), { status: 200 })
  t.equal(await get(), 200)
  t.equal(idp.requests.token, 2)
  for (const deadline = Date.now() + 1900; idp.requests.token < 3 && Date.now() < deadline;) await sleep(20)
  t.equal(idp.requests.token, 3)
  await sleep(2500)
  t.equal(idp.requests.token, 3)
})

t.test('one that is used only after the time for its renewal is renewed then', { buffered: true }, async t => {
  const { idp, gateway } = await startScene(t, { before: idp => { Object.assign(idp.machine, { format: 'opaque', expiresIn: 5 }) }, verifies: false })
  t.match(await gateway.call({ path: '/orders' }), { status: 401 })
  await sleep(4100)
  t.equal(idp.requests.token, 1)
  const [first] = idp.tokenRequests
  t.equal((await gateway.call({ path: '/status' })).status, 200)
  for (const deadline = Date.now() + 1500; idp.requests.token < 2 && Date.now() < deadline;) await sleep(20)
  t.equal(idp.requests.token, 2)
  t.not(idp.tokenRequests[1]?.token, first?.token)
})
