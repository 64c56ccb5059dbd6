import { createRequire } from 'node:module'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { setTimeout as sleep } from 'node:timers/promises'
import { untilOutput } from '../support/command.ts'
import { startErp } from '../support/erp.ts'
import { tempDir } from '../support/files.ts'
import { forkGateway } from '../support/fork-gateway.ts'
import { startGateway } from '../support/gateway.ts'
import { startIdp } from '../support/idp.ts'
import { verifying } from '../support/machine-token.ts'
import { newKey, startRedis, type TestRedis } from '../support/redis.ts'
import { registerSecret } from '../support/secrets.ts'
import { selfSigned, type Certificate } from '../support/self-signed.ts'
import type { Settings } from '../support/settings.ts'

const path = '/status'
const routes = [{ match: 'GET /status', require: 'public' }]
const { cache } = createRequire(import.meta.url)

async function fork (t: Test, redis: TestRedis, { more = {}, env = {} }: { readonly more?: Settings, readonly env?: Readonly<Record<string, string>> } = {}) {
  const idp = await startIdp(t, { alg: 'ES256' })
  const erp = await startErp(t, verifying(idp))
  const gateway = await forkGateway(t, { idp, erp, routes, env, changes: { redis: { url: redis.url, command_timeout: '500ms', keys: [newKey()], ...more } } })
  return { idp, gateway }
}

// The first: the tests after it load what this one looks for.
t.test('without a store its client is not loaded', async t => {
  const loaded = () => Object.keys(cache).filter(file => file.includes('/ioredis/')).length
  const idp = await startIdp(t, { alg: 'ES256' })
  const erp = await startErp(t, verifying(idp))
  const gateway = await startGateway(t, { idp, erp, routes })
  t.equal((await gateway.call({ path })).status, 200)
  t.equal(loaded(), 0)
  const redis = await startRedis(t)
  await startGateway(t, { idp, erp, routes, changes: { redis: { url: redis.url, keys: newKey() } } })
  t.ok(loaded() > 10)
})

t.test('TLS: a certificate that is trusted, and that is this host\'s, or no connection', async t => {
  const ours = selfSigned()
  const start = async (certificate: Certificate) => {
    const password = registerSecret('a-password-over-tls')
    return { redis: await startRedis(t, { certificate, password }), more: { password } }
  }
  const trusting = async (certificate: Certificate): Promise<Record<string, string>> => {
    const file = join(await tempDir(t), 'ca.pem')
    await writeFile(file, certificate.cert)
    return { NODE_EXTRA_CA_CERTS: file }
  }
  const good = await start(ours)
  const foreign = await start(selfSigned({ names: ['redis.example.com'] }))
  const other = selfSigned()
  for (const [what, { redis, more }, env, problem] of [
    ['trusted', good, await trusting(ours), undefined],
    ['unknown', good, await trusting(other), 'has a certificate that does not hold, or no TLS'],
    ['of another name', foreign, await trusting(other), 'has a certificate that does not hold, or no TLS']
  ] as const) {
    const { gateway } = await fork(t, redis, { more, env })
    const line = await untilOutput(gateway, () => gateway.logLines().find(({ store }) => store === 'redis'))
    t.equal(line['problem'], problem, what)
    t.equal((await gateway.call({ path })).status, 200, what)
    t.same((await redis.keys()).some(key => key.includes(':token:')), what === 'trusted', what)
    if (what === 'trusted') await redis.cli('FLUSHALL')
    gateway.kill()
    t.same(await gateway.exited, { code: 0, signal: null })
  }
  const plain = await startRedis(t)
  const { gateway } = await fork(t, { ...plain, url: plain.url.replace('redis:', 'rediss:') })
  const line = await untilOutput(gateway, () => gateway.logLines().find(({ store }) => store === 'redis'))
  t.ok(['has a certificate that does not hold, or no TLS', 'broke the connection', 'does not take the connection in time'].includes(String(line['problem'])), String(line['problem']))
  t.equal((await gateway.call({ path })).status, 200)
})

for (const state of ['up', 'killed', 'frozen'] as const) {
  t.test(`SIGTERM ends a gateway whose store is ${state}, with 0 and without delay`, async t => {
    const redis = await startRedis(t)
    const { gateway } = await fork(t, redis)
    await untilOutput(gateway, () => gateway.logLines().find(({ msg }) => msg === 'the store is there'))
    t.equal((await gateway.call({ path })).status, 200)
    if (state === 'killed') await redis.kill()
    if (state === 'frozen') redis.freeze()
    if (state !== 'up') await untilOutput(gateway, () => gateway.logLines().find(({ store, problem }) => store === 'redis' && problem !== undefined))
    gateway.kill()
    const ended = await Promise.race([gateway.exited, sleep(20_000)])
    t.same(ended, { code: 0, signal: null })
    t.equal(gateway.stderr, '')
  })
}

t.test('it starts without its store, and says so once; /readyz is ready, and names it', async t => {
  const redis = await startRedis(t)
  await redis.kill()
  const { gateway } = await fork(t, redis)
  t.equal((await gateway.call({ path })).status, 200)
  const ready = await gateway.admin('/readyz')
  t.match(ready, { status: 200 })
  t.same({ ...JSON.parse(ready.text) as object, config: '' }, { status: 'degraded', degraded: ['store'], config: '' })
  await sleep(1500)
  t.equal(gateway.logLines().filter(({ store }) => store === 'redis').length, 1)
  await redis.start()
  await untilOutput(gateway, () => gateway.logLines().find(({ msg }) => msg === 'the store is there'))
  t.same({ ...JSON.parse((await gateway.admin('/readyz')).text) as object, config: '' }, { status: 'ready', degraded: [], config: '' })
})

t.test('a password that Redis refuses is told in fixed words, and nowhere shown', async t => {
  const redis = await startRedis(t, { password: registerSecret('the-right-password') })
  const wrong = registerSecret('quite-another-password')
  const { gateway } = await fork(t, redis, { more: { password: { env: 'STORE_PASSWORD' } }, env: { STORE_PASSWORD: wrong } })
  const line = await untilOutput(gateway, () => gateway.logLines().find(({ store }) => store === 'redis'))
  t.equal(line['problem'], 'refuses the password')
  t.equal((await gateway.call({ path })).status, 200)
  t.notOk((await gateway.admin('/metrics')).text.includes(wrong))
})
