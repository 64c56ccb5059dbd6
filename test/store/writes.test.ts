import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { Called, CallOptions } from '../support/call.ts'
import { answering, startErp, type ErpHandler } from '../support/erp.ts'
import { forkGateway } from '../support/fork-gateway.ts'
import { startIdp } from '../support/idp.ts'
import { verifying } from '../support/machine-token.ts'
import { newKey, startRedis } from '../support/redis.ts'
import type { Settings } from '../support/settings.ts'
import { metric, startFleet, untilStore } from './fleet.ts'
import { openStore, until } from './scene.ts'

const routes = (idempotency: Settings = {}, more: Settings = {}) => [{ match: 'POST /orders', require: 'user', idempotency: { store: 'redis', ...idempotency }, ...more }]
const post = (token: string, key = 'k-1', more: CallOptions = {}): CallOptions => ({ method: 'POST', path: '/orders', token, body: 'a body that nobody else reads', ...more, headers: { 'idempotency-key': key, ...more.headers } })

/** An ERP that carries writes out when it is told to. */
function holding () {
  let go = (): void => {}
  const told = new Promise<void>(resolve => { go = resolve })
  let written = 0
  const handler: ErpHandler = async (_req, res, seen) => {
    if (!await seen.received) return
    await told
    written++
    res.writeHead(201, { 'content-type': 'text/plain', 'x-written': String(written) })
    res.end(`an answer that nobody else reads ${written} \u00e9\0`)
  }
  return { go: () => { go() }, handler }
}

function told ({ status, rawHeaders, body }: Called) {
  const headers = rawHeaders.filter((_part, at) => !['x-request-id', 'idempotency-replayed'].includes(rawHeaders[at - at % 2]?.toLowerCase() ?? ''))
  return { status, headers, body: body.toString('base64') }
}

t.test('over two replicas, 20 at once with one key are one write, and 20 equal answers; what is stored nobody can read', async t => {
  const { go, handler } = holding()
  const { redis, idp, erp, gateways: [one, two] } = await startFleet(t, { routes: routes(), erp: handler })
  await untilStore('up', [one, two].flatMap(gateway => gateway ?? []))
  if (one === undefined || two === undefined) throw new Error('no two')
  const token = idp.mintUser()
  const calls = Array.from({ length: 20 }, async (_, n) => await (n % 2 === 0 ? one : two).call(post(token)))
  await until(async () => await metric(one, 'countersign_requests_in_flight') === 10 && await metric(two, 'countersign_requests_in_flight') === 10)
  go()
  const answers = await Promise.all(calls)
  t.equal(erp.requests.length, 1)
  t.equal(answers[0]?.status, 201)
  for (const answer of answers) t.same(told(answer), told(answers[0] as Called))
  t.equal(answers.filter(({ headers }) => headers['idempotency-replayed'] === 'true').length, 19)
  t.match(await two.call(post(token, 'k-1', { body: 'another' })), { status: 422, code: 'idempotency-mismatch' })
  t.notOk('idempotency-replayed' in (await two.call(post(idp.mintUser({ sub: 'another-user' })))).headers)
  t.equal(erp.requests.length, 2)
  const keys = (await redis.keys()).filter(key => /:(write|lease):/.test(key))
  t.equal(keys.filter(key => key.includes(':write:')).length, 2)
  t.equal(keys.length, 2, 'no lease is left')
  for (const key of keys) {
    const value = await redis.cli('GET', key)
    t.match(value, /^1\.[\w-]+\.[\w-]+$/m)
    t.notMatch(`${key} ${value}`, /nobody else|user-1|orders|201|k-1/)
    t.ok(Number(await redis.cli('PTTL', key)) > 23 * 3_600_000)
  }
})

t.test('a restart, and a replica that is new, remember', async t => {
  const { idp, erp, gateways: [one], join } = await startFleet(t, { count: 1, routes: routes(), erp: answering(201, 'done') })
  const token = idp.mintUser()
  t.equal((await one?.call(post(token)))?.status, 201)
  await one?.close()
  const next = await join()
  t.match(await next.call(post(token)), { status: 201, text: 'done', headers: { 'idempotency-replayed': 'true' } })
  t.equal(erp.requests.length, 1)
})

t.test('a new key for what is sealed: the old one still opens what it has sealed', async t => {
  const [old, later] = [newKey(), newKey()]
  const { redis, idp, erp, gateways: [one], join } = await startFleet(t, { count: 1, routes: routes(), keys: [old] })
  const token = idp.mintUser()
  await one?.call(post(token))
  const store = (keys: readonly string[]): Settings => ({ redis: { url: redis.url, command_timeout: '500ms', keys } })
  const both = await join(store([later, old]))
  t.equal((await both.call(post(token))).headers['idempotency-replayed'], 'true')
  t.equal(erp.requests.length, 1)
})

t.test('without its store a write with a key is refused, and one without a key goes', async t => {
  const { redis, idp, erp, gateways } = await startFleet(t, { count: 1, routes: routes() })
  const [one] = gateways
  if (one === undefined) throw new Error('none')
  const token = idp.mintUser()
  await untilStore('up', gateways)
  await redis.kill()
  await untilStore('away', gateways)
  t.match(await one.call(post(token)), { status: 503, code: 'store-unavailable', headers: { 'retry-after': '1' } })
  t.equal(erp.requests.length, 0)
  t.equal((await one.call({ method: 'POST', path: '/orders', token })).status, 200)
  t.equal(erp.requests.length, 1)
  await redis.start()
  await untilStore('up', gateways)
  t.equal((await one.call(post(token))).status, 200)
  t.equal(erp.requests.length, 2)
})

t.test('a store that freezes when it is asked: nothing is sent, and the key is free when it is back', async t => {
  const { redis, idp, erp, gateways } = await startFleet(t, { count: 1, routes: routes() })
  const [one] = gateways
  if (one === undefined) throw new Error('none')
  const token = idp.mintUser()
  await untilStore('up', gateways)
  redis.freeze()
  t.match(await one.call(post(token)), { status: 503, code: 'store-unavailable' })
  t.equal(erp.requests.length, 0)
  redis.thaw()
  await untilStore('up', gateways)
  await until(async () => !(await redis.keys()).some(key => key.includes(':write:')), 'a free key')
  t.equal((await one.call(post(token))).status, 200)
})

t.test('a store that goes away in mid-write: the caller has its answer, and repeats are told when it is back', async t => {
  const { go, handler } = holding()
  const { redis, idp, erp, gateways } = await startFleet(t, { count: 1, routes: routes(), erp: handler })
  const [one] = gateways
  if (one === undefined) throw new Error('none')
  const token = idp.mintUser()
  await untilStore('up', gateways)
  const first = one.call(post(token))
  await until(() => erp.requests.length === 1)
  redis.freeze()
  await untilStore('away', gateways)
  go()
  t.equal((await first).status, 201)
  redis.thaw()
  await untilStore('up', gateways)
  await until(async () => (await one.call(post(token))).status === 201, 'an answer that is kept')
  t.equal(erp.requests.length, 1)
})

t.test('a replica that is killed in mid-write leaves a write of which nobody knows, not a free key', async t => {
  const redis = await startRedis(t)
  const idp = await startIdp(t, { alg: 'ES256' })
  const erp = await startErp(t, verifying(idp, {}, () => {}))
  const changes = { redis: { url: redis.url, command_timeout: '500ms', keys: [newKey()] } }
  const [killed, other] = await Promise.all([0, 1].map(async () => await forkGateway(t, { idp, erp, routes: routes({ wait: '60s' }), changes })))
  if (killed === undefined || other === undefined) throw new Error('no two')
  await untilStore('up', [killed, other] as never)
  const token = idp.mintUser()
  const first = killed.call(post(token)).catch(() => 'gone')
  await until(() => erp.requests.length === 1)
  const waiting = other.call(post(token, 'k-1', { timeout: 60_000 }))
  await sleep(300)
  killed.kill('SIGKILL')
  t.equal(await first, 'gone')
  t.match(await waiting, { status: 409, code: 'idempotency-outcome-unknown' })
  t.match(await other.call(post(token)), { status: 409, code: 'idempotency-outcome-unknown' })
  t.equal(erp.requests.length, 1)
})

t.test('a write that takes longer than its time, and than a lease, is still one', async t => {
  const redis = await startRedis(t)
  const keys = [newKey()]
  const [one, two] = [openStore(t, redis, { keys }), openStore(t, redis, { keys })]
  await Promise.all([one.whenUp(), two.whenUp()])
  const begun = await one.writes?.begin('a write', 'print', 1000)
  if (begun?.kind !== 'first') throw new Error('not the first')
  await sleep(17_000)
  t.match(await two.writes?.begin('a write', 'print', 1000), { kind: 'busy', print: 'print' })
  const answer = { status: 200, headers: ['A', 'b'], body: Buffer.from([0, 255, 10]) }
  await begun.settle({ kind: 'kept', answer })
  t.same(await two.writes?.begin('a write', 'print', 1000), { kind: 'kept', print: 'print', answer })
  await sleep(1500)
  t.match(await two.writes?.begin('a write', 'other', 1000), { kind: 'first' })
})

t.test('what somebody else wrote in its place, or moved there, opens nothing and frees nothing', async t => {
  const redis = await startRedis(t)
  const keys = [newKey()]
  const store = openStore(t, redis, { keys })
  await store.whenUp()
  for (const name of ['one', 'two']) {
    const begun = await store.writes?.begin(name, 'print', 60_000)
    if (begun?.kind === 'first') await begun.settle({ kind: 'kept', answer: { status: 200, headers: [], body: Buffer.from(name) } })
  }
  const [a = '', b = ''] = (await redis.keys()).filter(key => key.includes(':write:'))
  await redis.cli('SET', a, (await redis.cli('GET', b)).trim())
  await redis.cli('SET', b, 'anything')
  for (const name of ['one', 'two']) t.same(await store.writes?.begin(name, 'print', 60_000), { kind: 'unknown', print: undefined })
  t.equal(store.operations.get('write unreadable'), 2)
})
