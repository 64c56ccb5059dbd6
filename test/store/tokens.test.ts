import t from 'tap'
import { setTimeout as sleep } from 'node:timers/promises'
import { answering, type ErpHandler } from '../support/erp.ts'
import { newKey } from '../support/redis.ts'
import { metric, startFleet, startLoad, untilStore } from './fleet.ts'
import { until } from './scene.ts'

// They wait more than they work.
t.jobs = 3

const path = '/status'

t.test('one token request serves two replicas, and one that is started again asks for none', { buffered: true }, async t => {
  const { gateways, idp, erp, join } = await startFleet(t, { count: 2 })
  for (const gateway of gateways) t.equal((await gateway.call({ path })).status, 200)
  t.equal(idp.requests.token, 1)
  await gateways[0]?.close()
  await gateways[1]?.close()
  // The IdP is away, and is not missed.
  idp.fail('token', answerNothing)
  const restarted = await join()
  t.equal((await restarted.call({ path })).status, 200)
  t.equal(idp.requests.token, 1)
  t.equal(new Set(erp.requests.map(({ headers }) => headers.authorization)).size, 1)
  t.equal(await metric(restarted, 'countersign_machine_tokens_total{credential="erp",origin="shared"}'), 1)
  t.equal(await metric(restarted, 'countersign_machine_tokens_total{credential="erp",origin="fetched"}'), undefined)
})

const answerNothing = (): void => {}

t.test('without keys no token is in the store, and each replica asks', { buffered: true }, async t => {
  const { gateways, idp, redis, join } = await startFleet(t, { count: 0, keys: [], changes: {} })
  t.equal(gateways.length, 0)
  const fleet = [await join({ redis: { url: redis.url } }), await join({ redis: { url: redis.url } })]
  await untilStore('up', fleet)
  for (const gateway of fleet) t.equal((await gateway.call({ path })).status, 200)
  t.equal(idp.requests.token, 2)
  t.same((await redis.keys()).filter(key => /:(token|lock|quiet):/.test(key)), [])
  t.ok(fleet[0]?.logLines().some(({ level, at }) => level === 40 && String(at).includes('gateway.yaml')), 'a warning says so')
})

t.test('tokens of three seconds under load: each is one request of all replicas, none is refused', { buffered: true }, async t => {
  const { gateways, idp } = await startFleet(t, { count: 3, before (idp) { idp.machine.expiresIn = 6 } })
  const load = startLoad(gateways, { path })
  await sleep(14_000)
  t.same(Object.keys(await load.stop()), ['200'])
  // Each is renewed after seven to eight tenths of its life.
  t.ok(idp.requests.token >= 3 && idp.requests.token <= 5, `${idp.requests.token} token requests`)
})

t.test('an IdP that is away is not missed while a token lives, whatever Redis does', { buffered: true }, async t => {
  const { gateways, idp, redis } = await startFleet(t, { count: 2 })
  for (const gateway of gateways) t.equal((await gateway.call({ path })).status, 200)
  await idp.stop()
  const load = startLoad(gateways, { path })
  await sleep(300)
  await redis.kill()
  await untilStore('away', gateways)
  await redis.start()
  await untilStore('up', gateways)
  redis.freeze()
  await untilStore('away', gateways)
  redis.thaw()
  await untilStore('up', gateways)
  t.same(Object.keys(await load.stop()), ['200'])
  t.equal(idp.requests.token, 1)
})

t.test('a token that the ERP refuses is replaced by one request of all replicas, without a failed call', { buffered: true }, async t => {
  const revoked = new Set<string>()
  const erp: ErpHandler = async (req, res, seen) => {
    await answering(revoked.has(String(seen.headers.authorization)) ? 401 : 200)(req, res, seen)
  }
  const { gateways, idp } = await startFleet(t, { count: 3, erp })
  for (const gateway of gateways) t.equal((await gateway.call({ path })).status, 200)
  revoked.add(`Bearer ${idp.tokenRequests[0]?.token}`)
  const answers = await Promise.all(Array.from({ length: 30 }, async (_, n) => await gateways[n % 3]?.call({ path })))
  t.same(new Set(answers.map(answer => answer?.status)), new Set([200]))
  t.equal(idp.requests.token, 2)
})

t.test('an ERP that refuses every token is a 502 at all replicas, and costs one token', { buffered: true }, async t => {
  const { gateways, idp } = await startFleet(t, { count: 3, erp: answering(401) })
  for (let n = 0; n < 12; n++) t.match(await gateways[n % 3]?.call({ path }), { status: 502, code: 'upstream-credential-refused' })
  t.equal(idp.requests.token, 2)
})

t.test('a name that another gateway gives to another issuer, another secret: nothing is shared', { buffered: true }, async t => {
  const { idp, erp, redis, keys, join } = await startFleet(t, { count: 1 })
  const other = await startFleet(t, { count: 0, keys })
  const foreign = await other.join({ redis: { url: redis.url, keys } })
  t.equal((await foreign.call({ path })).status, 200)
  t.equal(other.idp.requests.token, 1)
  const [id = ''] = Object.keys(idp.clients)
  const wrong = await join({ upstreams: { erp: { url: erp.origin, credential: { client_credentials: { issuer: 'main', client_id: id, client_secret: 'not-the-secret-of-it', audience: 'https://erp.example.com' } } } } })
  t.match(await wrong.call({ path }), { status: 503, code: 'machine-token-unavailable' })
})

t.test('the store holds no token, no secret, no key and no caller in clear; neither does a log or a metric', { buffered: true }, async t => {
  const keys = [newKey(), newKey()]
  const { gateways, idp, redis } = await startFleet(t, {
    keys,
    routes: [{ match: 'GET /status', require: 'user', rate_limit: [{ max: 100, per: '60s', by: 'user' }, { max: 100, per: '60s', by: 'client' }, { max: 100, per: '60s', by: 'address' }] }],
    changes: { listen: { rate_limit: { max: 100, per: '60s' } } }
  })
  await untilStore('up', gateways)
  const token = idp.mintUser({ sub: 'subject-of-a-user', client_id: 'client-of-a-user' })
  for (const gateway of gateways) t.equal((await gateway.call({ path, token })).status, 200)
  const names = await redis.keys()
  t.ok(names.filter(key => key.includes(':token:')).length === 1 && names.filter(key => key.includes(':limit:')).length === 4, names.join())
  t.ok(names.every(key => /^countersign:(token|lock|quiet|limit|probe)(:[\w-]{22,43})?$/.test(key)), names.join())
  const all = [await redis.dump(), ...await Promise.all(names.map(async key => Buffer.from(await redis.cli('--raw', 'GET', key)))), ...names.map(name => Buffer.from(name))]
  const metrics = await Promise.all(gateways.map(async gateway => (await gateway.admin('/metrics')).text))
  const machine = String(idp.tokenRequests[0]?.token)
  const secret = Object.values(idp.clients)[0]?.secret ?? ''
  t.ok(machine.length > 100 && secret.length > 20)
  for (const needle of [machine.slice(-40), machine.slice(0, 40), ...machine.split('.'), secret, token.slice(-40), ...keys, 'subject-of-a-user', 'client-of-a-user', '127.0.0.1', idp.issuer, 'middleware']) {
    for (const form of [Buffer.from(needle), Buffer.from(Buffer.from(needle).toString('hex')), Buffer.from(Buffer.from(needle).toString('base64').slice(0, -4))]) {
      t.notOk(all.some(bytes => bytes.includes(form)), `in the store: ${needle.slice(0, 12)}`)
    }
  }
  for (const needle of [machine, secret, ...keys]) for (const text of metrics) t.notOk(text.includes(needle))
})

t.test('what somebody wrote into the store is not used, and told once', { buffered: true }, async t => {
  const { redis, idp, join } = await startFleet(t, { count: 1 })
  await until(() => idp.requests.token === 1)
  const place = async () => (await redis.keys()).find(key => key.includes(':token:')) ?? ''
  await until(async () => await place() !== '')
  await redis.cli('SET', await place(), '1.AAAAAAAA.somebody-s-own-token')
  const gateway = await join()
  t.equal((await gateway.call({ path })).status, 200)
  t.equal(idp.requests.token, 2)
  t.equal(gateway.logLines().filter(({ store, msg }) => store !== undefined && String(msg).includes('sealed')).length, 1)
  t.ok((await metric(gateway, 'countersign_store_operations_total{operation="token",outcome="unreadable"}') ?? 0) >= 1)
})
