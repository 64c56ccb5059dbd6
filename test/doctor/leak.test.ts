import { createServer, request as send } from 'node:http'
import t from 'tap'
import { loadConfiguration, type Configuration } from '../../src/config/load.ts'
import { startEcho } from '../../src/doctor/echo.ts'
import { examineLeaks } from '../../src/doctor/leak.ts'
import { examineLeaksThrough, type Through } from '../../src/doctor/leak-through.ts'
import { runCommand } from '../support/command.ts'
import { startGateway } from '../support/gateway.ts'
import { startIdp } from '../support/idp.ts'
import { serve } from '../support/server.ts'
import { writeFiles, type Files, type Settings } from '../support/settings.ts'
import type { TestContext } from '../support/teardown.ts'
import { examined } from './scene.ts'

// Whoever is asked over a network is found out: there is nobody.
const GATEWAY = {
  issuers: {
    main: { issuer: 'https://idp.invalid', audience: 'https://api.example.com' },
    kc: { issuer: 'https://kc.invalid/realms/acme', idp: 'keycloak', audience: 'erp-gateway', tls: { cert: { env: 'NOT_SET' }, key: { env: 'NOT_SET' } } }
  },
  upstreams: {
    erp: { url: 'https://erp.invalid/base', credential: { client_credentials: { issuer: 'main', client_id: 'm', client_secret: '${NOT_SET}' } } },
    sap: { url: 'https://sap.invalid', erp: 'sap', headers: { set: { 'sap-client': '100' } }, credential: { basic: { username: 'u', password: '${NOT_SET}' } } },
    keyed: { url: 'https://keyed.invalid', credential: { headers: { 'Ocp-Apim-Subscription-Key': '${NOT_SET}' } } }
  }
}

async function load (t: TestContext, routes: Files['routes'], gateway: Settings = GATEWAY): Promise<Configuration & { readonly files: { config: string, routes: string } }> {
  const files = await writeFiles(t, { gateway, routes })
  const { configuration, mistakes } = await loadConfiguration(files, {}, { secrets: 'optional' })
  if (configuration === undefined) throw new Error(JSON.stringify(mistakes))
  return configuration
}

t.test('no canary arrives, whatever the rule: its method, its upstream, its issuer, what it sets and asks', async t => {
  const configuration = await load(t, {
    defaults: { issuers: 'main', upstream: 'erp' },
    routes: [
      { match: 'ANY /any/*', require: 'user|client' },
      { match: 'GET /addresses/:id', require: { client: { scope: 'x', where: 'claims.sub == "nobody"' } }, identity: { headers: { 'X-Person': 'sub' } } },
      { match: 'PUT /strict/:id', issuers: 'kc', require: { user: { max_age: 10, acr: 'gold', claims: { tenant: 'acme' } } }, rate_limit: { max: 1, per: '1h', by: 'user' }, headers: { remove: ['X-Session-Token'] } },
      { match: 'POST /once', require: 'user', idempotency: { required: true } },
      { match: 'HEAD /head', require: 'user' },
      { match: 'GET /open', require: 'public' },
      { match: 'POST /open', require: 'public', credential: 'none' },
      { match: 'GET /sap/opu/odata/sap/API/Partners(:key)', upstream: 'sap', require: 'user' },
      { match: 'PATCH /sap/opu/odata/sap/API/Partners(:key)', upstream: 'sap', require: 'user' },
      { match: 'GET /keyed', upstream: 'keyed', require: 'user', rewrite: '/elsewhere' }
    ]
  })
  const { all } = examined(await examineLeaks(configuration))
  t.same(all.map(({ about, verdict }) => `${about} ${verdict}`), ['all good'])
  t.match(all[0]?.said, /through 10 rules/)
})

t.test('what headers.keep spares is a warning that names it', async t => {
  const configuration = await load(t, { defaults: { issuers: 'main', upstream: 'erp' }, routes: [{ match: 'GET /a', require: 'user', headers: { keep: ['X-Api-Key', 'X-Forwarded-Tenant'] } }, { match: 'GET /b', require: 'user' }] })
  const { all } = examined(await examineLeaks(configuration))
  t.same(all.map(({ verdict, said }) => `${verdict} ${said.split(' ')[0]}`).slice(0, 2), ['warning x-api-key', 'warning x-forwarded-tenant'])
  t.equal(all[2]?.verdict, 'good')
  t.match(all[0]?.about, /^GET \/a /)
})

interface Route { readonly through: Through, readonly configuration: Configuration }

/** A proxy as anybody writes one in ten lines: it passes everything. */
async function bareProxy (t: TestContext, port: number): Promise<number> {
  const server = createServer((incoming, response) => {
    const outgoing = send({ port, host: '127.0.0.1', method: incoming.method, path: incoming.url, headers: incoming.rawHeaders as never }, answer => {
      response.writeHead(answer.statusCode ?? 500)
      answer.pipe(response)
    })
    outgoing.on('error', () => response.destroy())
    incoming.pipe(outgoing)
  })
  return (await serve(t, server)).port
}

async function freePort (): Promise<number> {
  const echo = await startEcho('127.0.0.1', 0)
  await echo.close()
  return Number(new URL(echo.origin).port)
}

async function running (t: TestContext, rule: Settings = {}): Promise<Route & { readonly token: string }> {
  const idp = await startIdp(t, { alg: 'ES256' })
  const port = await freePort()
  const routes = [{ match: 'POST /orders', require: 'user', ...rule }]
  const gateway = await startGateway(t, { idp, erp: { origin: `http://127.0.0.1:${port}` }, routes })
  const token = idp.mintUser()
  const configuration = await load(t, routes, { ...GATEWAY, issuers: { main: GATEWAY.issuers.main }, upstreams: { erp: GATEWAY.upstreams.erp } })
  return { token, configuration, through: { url: new URL(`http://127.0.0.1:${gateway.port}`), echo: { host: '127.0.0.1', port }, token, method: 'POST', target: '/orders?a=1' } }
}

t.test('through a gateway that runs, to an echo where its ERP would be, nothing arrives', async t => {
  const { configuration, through } = await running(t)
  const { all } = examined(await examineLeaksThrough(configuration, through))
  t.same(all.map(({ verdict }) => verdict), ['good'])
})

t.test('through a gateway that runs, what headers.keep spares is a warning that names it once', async t => {
  const { configuration, through } = await running(t, { headers: { keep: ['X-Api-Key'] } })
  const { all } = examined(await examineLeaksThrough(configuration, through))
  t.match(all, [{ verdict: 'warning', said: /^x-api-key / }, { verdict: 'good' }])
  t.equal(all.length, 2)
})

t.test('through a proxy that passes everything each place is told, the token too: the trial can fail', async t => {
  const { configuration, through } = await running(t)
  const port = await bareProxy(t, through.echo.port)
  const { all } = examined(await examineLeaksThrough(configuration, { ...through, url: new URL(`http://127.0.0.1:${port}`) }))
  const leaks = all.filter(({ verdict }) => verdict === 'bad').map(({ said }) => said)
  for (const place of ['the access token', 'header Cookie', 'header X-Api-Key', 'header X-Forwarded-Access-Token', 'header X.Api.Key', 'header X_Api_Key', 'query access_token', 'query access%5Ftoken', 'a second Authorization (Basic)']) t.ok(leaks.some(said => said.includes(place)), place)
})

t.test('a request that does not reach the echo proves nothing, and is bad', async t => {
  const { configuration, through } = await running(t)
  t.match(await examineLeaksThrough(configuration, { ...through, token: 'nonsense' }), [{ verdict: 'bad', said: /401 token-not-jwt/ }])
  t.match(await examineLeaksThrough(configuration, { ...through, echo: { host: '127.0.0.1', port: 0 } }), [{ verdict: 'bad', said: /502/ }])
  t.match(await examineLeaksThrough(configuration, { ...through, url: new URL('http://127.0.0.1:1') }), [{ verdict: 'bad', said: /refuses the connection/ }])
})

t.test('the command: 0 without a leak, 1 with one, 2 where it is told too little', async t => {
  const { configuration: { files }, through, token } = await running(t)
  const run = async (...more: string[]) => await runCommand(t, ['doctor', '--leak', '--config', files.config, '--routes', files.routes, ...more])
  const proxy = await bareProxy(t, through.echo.port)
  const [good, bad, lacking] = await Promise.all([
    run('--json'),
    run('--through', `http://127.0.0.1:${proxy}`, '--echo', `127.0.0.1:${through.echo.port}`, '--request', 'POST /orders', '--token', token),
    run('--through', through.url.href)
  ])
  t.match(good, { code: 0, stdout: /"ok": true/, stderr: '' })
  t.match(bad, { code: 1, stdout: /LEAK: the access token/ })
  t.match(lacking, { code: 2, stderr: /--request/ })
})
