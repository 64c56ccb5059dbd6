import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { answering, startErp } from '../support/erp.ts'
import * as faults from '../support/faults.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { startIdp } from '../support/idp.ts'
import { rewrite, standardGateway, type Files, type Settings } from '../support/settings.ts'

const ORDERS = { match: 'GET /orders', require: 'user' }

async function scene (t: Test, routes: Files['routes'] = [ORDERS], changes: Settings = {}) {
  const idp = await startIdp(t, { alg: 'ES256' })
  const erp = await startErp(t)
  const gateway = await startGateway(t, { idp, erp, routes, changes })
  /** Writes them and has them read. */
  const change = async (files: { readonly routes?: Files['routes'], readonly changes?: Settings, readonly text?: string }): Promise<void> => {
    await rewrite(gateway.dir, {
      ...files.routes !== undefined && { routes: files.routes },
      ...files.changes !== undefined && { gateway: standardGateway({ idp, erp }, files.changes) },
      ...files.text !== undefined && { routes: files.text }
    })
    await gateway.reload()
  }
  const ask = async (token = idp.mint(), path = '/orders') => (await gateway.call({ path, token })).status
  return { idp, erp, gateway, change, ask }
}

const messages = (gateway: TestGateway): unknown[] => gateway.logLines().map(({ msg }) => msg)
const reloadLine = (gateway: TestGateway): Record<string, unknown> | undefined => gateway.logLines().findLast(({ msg }) => msg === 'configuration reloaded')

t.test('what changed holds for the next request, and the log says which rules', async t => {
  const { gateway, change, ask } = await scene(t, [ORDERS, { match: 'GET /gone', require: 'user' }, { match: 'GET /kept', require: 'user' }])
  t.same([await ask(), await ask(undefined, '/gone'), await ask(undefined, '/new')], [200, 200, 404])
  await change({ routes: [{ ...ORDERS, require: 'client', timeout: '5s' }, { match: 'GET /kept', require: 'user' }, { match: 'GET /new', require: 'user' }] })
  t.same([await ask(), await ask(undefined, '/gone'), await ask(undefined, '/new'), await ask(undefined, '/kept')], [403, 404, 200, 200])
  t.match(reloadLine(gateway), { level: 30, routes: 3, added: [/^GET \/new \(.*routes\.yaml:\d+\)$/], removed: [/^GET \/gone \(/], changed: [/^GET \/orders \(.*: require, timeout$/] })
  t.notOk(reloadLine(gateway)?.['settings'])
})

t.test('a request that is under way ends by the rules that it began with', async t => {
  const { idp, erp, gateway, change, ask } = await scene(t)
  let answer = (): void => {}
  const held = new Promise<void>(resolve => { answer = resolve })
  erp.answerWith(async (req, res, seen) => {
    await held
    await answering(200, 'late', { 'x-internal': 'a' })(req, res, seen)
  })
  const next = erp.next()
  const open = gateway.call({ path: '/orders', token: idp.mint() })
  await next
  const other = await startErp(t)
  await change({ routes: [{ match: 'GET /other', require: 'user' }], changes: { upstreams: { erp: { url: other.origin, response_headers: { remove: ['X-Internal'] } } } } })
  t.equal(await ask(), 404)
  t.equal(await ask(undefined, '/other'), 200)
  t.equal(other.requests.length, 1)
  answer()
  t.match(await open, { status: 200, text: 'late', headers: { 'x-internal': 'a' } })
  // The last request of the old configuration took its connections along.
  for (const until = Date.now() + 20_000; erp.openSockets > 0 && Date.now() < until;) await sleep(20)
  t.equal(erp.openSockets, 0)
})

t.test('a file that is no configuration changes nothing, and is told in the log, on /readyz and as a metric, until it is mended', async t => {
  const { gateway, change, ask } = await scene(t)
  for (const text of ['routes:\n  - match: GET /orders\n', 'routes: [', '', 'routes:\n  - match: GET /orders\n    require: user\n    requires: user\n']) {
    await change({ text })
    t.equal(await ask(), 200)
    t.match(gateway.logLines().findLast(({ at, level }) => level === 50 && at !== undefined), { at: /routes\.yaml:\d+:\d+$/, msg: /./ }, text)
    t.ok(messages(gateway).some(message => /not reloaded/.test(String(message))))
    t.match((await gateway.admin('/readyz')).json(), { status: 'degraded', degraded: ['configuration'], configuration: { since: /^\d{4}-/, mistakes: [/routes\.yaml:\d+:\d+$/] } }, text)
    t.equal((await gateway.admin('/readyz')).status, 200)
    t.match((await gateway.admin('/metrics')).text, /^countersign_config_accepted 0$/m)
  }
  await change({ routes: [{ ...ORDERS, require: 'client' }] })
  t.equal(await ask(), 403)
  t.same({ ...(await gateway.admin('/readyz')).json() as object, config: '' }, { status: 'ready', degraded: [], config: '' })
  const { text } = await gateway.admin('/metrics')
  for (const line of [/^countersign_config_accepted 1$/m, /^countersign_config_reloads_total\{outcome="rejected"\} [4-8]$/m, /^countersign_config_reloads_total\{outcome="adopted"\} 1$/m]) t.match(text, line)
})

t.test('a file that is as bad as it was, then as good as it was, is no change', async t => {
  const { gateway, change, ask } = await scene(t)
  await change({ text: 'routes: [' })
  await change({ routes: [ORDERS] })
  t.equal(await ask(), 200)
  t.same({ ...(await gateway.admin('/readyz')).json() as object, config: '' }, { status: 'ready', degraded: [], config: '' })
  t.match((await gateway.admin('/metrics')).text, /^countersign_config_reloads_total\{outcome="unchanged"\} [12]$/m)
})

t.test('what is not changed is kept: keys, machine token, connections, counts', async t => {
  const limited = { ...ORDERS, rate_limit: { max: 3, per: '1h', by: 'user' } }
  const { idp, erp, gateway, change, ask } = await scene(t, [limited])
  t.same([await ask(), await ask()], [200, 200])
  const before = { ...idp.requests, accepted: erp.accepted }
  for (let at = 0; at < 5; at++) await change({ routes: [limited, { match: `GET /new/${at}`, require: 'user' }] })
  t.equal(await ask(undefined, '/new/4'), 200)
  t.same([await ask(), await ask()], [200, 429])
  t.same({ ...idp.requests, lines: 0, accepted: erp.accepted }, { ...before, lines: 0 })
  t.match(reloadLine(gateway), { added: [/new\/4/], removed: [/new\/3/] })
})

t.test('a token that was verified under another configuration gets the answer that it would get without it', async t => {
  const { idp, erp, gateway, change } = await scene(t)
  const other = await startIdp(t, { alg: 'ES256' })
  const routes = (require: unknown) => ({ defaults: { issuers: ['main'] }, routes: [{ match: 'GET /orders', require }] })
  const tokens = [idp.mint(), idp.mint({ scope: 'write:orders' }), idp.mint({ aud: ['https://other.example.com', 'https://api.example.com'] })]
  const steps: ReadonlyArray<{ readonly routes?: Files['routes'], readonly changes?: Settings }> = [
    { routes: routes('client') },
    { routes: routes({ user: { scope: 'write:orders' } }) },
    { routes: routes('user'), changes: { issuers: { main: { audience: 'https://other.example.com' } } } },
    { changes: { issuers: { main: { claims: { tenant: 'a' } } } } },
    { changes: { issuers: { main: { algorithms: 'RS256' } } } },
    { changes: { issuers: { main: { user_when: { kind: 'person' } } } } },
    { changes: { listen: { max_token_size: '256B' } } },
    { changes: { issuers: { main: { issuer: other.issuer } } } },
    { changes: {} }
  ]
  for (const step of [{}, ...steps]) {
    await change(step)
    const fresh = await startGateway(t, { gateway: await contents(gateway, 'gateway.yaml'), routes: await contents(gateway, 'routes.yaml') })
    for (const token of tokens) {
      const known = await gateway.call({ path: '/orders', token })
      const unknown = await fresh.call({ path: '/orders', token })
      t.same([known.status, known.code], [unknown.status, unknown.code], JSON.stringify(step))
    }
    await fresh.close()
  }
  t.ok(erp.requests.length > 0)
})

t.test('a machine token is fetched anew where its request is another one, before any request goes by it', async t => {
  const { idp, erp, gateway, change, ask } = await scene(t)
  t.equal(await ask(), 200)
  const asked = idp.requests.token
  await change({ changes: { upstreams: { erp: { credential: { client_credentials: { scope: 'erp other' } } } } } })
  t.equal(idp.requests.token, asked + 1, 'it was fetched while the old one served')
  t.equal(await ask(), 200)
  t.equal(idp.requests.token, asked + 1)
  t.not(erp.requests.at(-1)?.headers.authorization, erp.requests[0]?.headers.authorization)
  t.match(reloadLine(gateway), { settings: ['upstreams.erp.credential.scope'] })
})

t.test('an IdP that is away does not keep a new configuration out, nor what is in hand from serving', async t => {
  const { idp, change, ask } = await scene(t)
  t.equal(await ask(), 200)
  const token = idp.mint()
  for (const endpoint of ['discovery', 'jwks', 'token'] as const) idp.fail(endpoint, faults.answer(500))
  await change({ routes: [{ ...ORDERS, timeout: '7s' }] })
  t.equal(await ask(token), 200)
})

t.test('a port is taken at the next start, and that is told; limits of connections, and what is logged, at once', async t => {
  const { gateway, change, ask } = await scene(t)
  await change({ changes: { listen: { port: 1, max_header_size: '2KiB' }, admin: { port: 2 }, log: { requests: false, level: 'warn' } } })
  t.equal(await ask(), 200)
  t.match(gateway.logLines().at(-1), { level: 40, settings: ['listen.port', 'admin.port'] }, 'no line of the request')
  const { response } = await gateway.raw(`GET /orders HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(3000)}\r\n\r\n`)
  t.equal(response.status, 431)
})

t.test('a limit or a proxy that a later configuration brings holds from then on', async t => {
  const { gateway, change, ask } = await scene(t)
  t.same([await ask(), await ask()], [200, 200])
  await change({ changes: { listen: { rate_limit: { max: 1, per: '1h' } } } })
  t.same([await ask(), await ask()], [200, 429])
  await change({ changes: { listen: { rate_limit: { max: 1, per: '1h' }, trusted_proxies: '127.0.0.1' } } })
  const from = async (address: string) => (await gateway.call({ path: '/orders', headers: { 'x-forwarded-for': address } })).status
  t.same([await from('192.0.2.1'), await from('192.0.2.1'), await from('192.0.2.2')], [401, 429, 401])
  await change({ changes: {} })
  t.same([await ask(), await ask()], [200, 200])
})

t.test('reloads that are asked for at once are done one after the other, and the last word holds', async t => {
  const { gateway, ask } = await scene(t)
  const all: Array<Promise<void>> = []
  for (let at = 0; at < 10; at++) {
    await rewrite(gateway.dir, { routes: [{ ...ORDERS, require: at % 2 === 0 ? 'client' : 'user', timeout: `${at + 1}s` }] })
    all.push(gateway.reload())
  }
  await Promise.all(all)
  t.equal(await ask(), 200)
})

// A change may be seen before the reload is asked for, and is then read twice: counts are at least so many.
async function contents (gateway: TestGateway, name: string): Promise<string> {
  return await readFile(`${gateway.dir}/${name}`, 'utf8')
}
