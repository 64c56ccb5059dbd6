import t, { type Test } from 'tap'
import { answering, startErp } from '../support/erp.ts'
import { startGateway } from '../support/gateway.ts'
import { startIdp } from '../support/idp.ts'
import { registerSecret } from '../support/secrets.ts'
import { rewrite, standardGateway, type Settings } from '../support/settings.ts'
import type { IdpClient } from '../support/token-endpoint.ts'

const [NEW, OLD] = [registerSecret('the-new-secret-of-ours'), registerSecret('the-old-secret-of-ours')]

async function scene (t: Test, client: IdpClient, credentials: Settings = {}) {
  const idp = await startIdp(t, { alg: 'ES256', clients: { middleware: client } })
  const erp = await startErp(t)
  const changes = (more: Settings): Settings => ({ upstreams: { erp: { credential: { client_credentials: { client_secret: [NEW, OLD], ...credentials, ...more } } } } })
  const gateway = await startGateway(t, { idp, erp, routes: [{ match: 'GET /status', require: 'public' }], changes: changes({}) })
  const ask = async () => await gateway.call({ path: '/status' })
  const change = async (more: Settings): Promise<void> => {
    await rewrite(gateway.dir, { gateway: standardGateway({ idp, erp }, changes(more)) })
    await gateway.reload()
  }
  const warned = () => gateway.logLines().filter(({ msg }) => /second one served/.test(String(msg))).length
  const counted = async () => /^countersign_old_client_secret_used_total\{credential="erp"\} (\d+)$/m.exec((await gateway.admin('/metrics')).text)?.[1]
  return { idp, erp, gateway, ask, change, warned, counted }
}

for (const authMethod of ['client_secret_basic', 'client_secret_post'] as const) {
  t.test(`${authMethod}: an IdP that knows the new secret is never shown the old one`, async t => {
    const { idp, ask, warned, counted } = await scene(t, { secret: NEW, authMethod }, { auth_method: authMethod })
    t.match(await ask(), { status: 200 })
    t.equal(idp.requests.token, 1)
    t.equal(warned(), 0)
    t.equal(await counted(), undefined)
  })

  t.test(`${authMethod}: one that knows only the old secret gets the new one first, then the old one, and that is told`, async t => {
    const { idp, erp, ask, warned, counted, gateway } = await scene(t, { secret: OLD, authMethod }, { auth_method: authMethod })
    for (let at = 0; at < 5; at++) t.match(await ask(), { status: 200 })
    t.equal(idp.requests.token, 2)
    t.equal(erp.requests.length, 5)
    t.match(warned(), 1)
    t.equal(await counted(), '1')
    t.match(gateway.logLines().find(({ msg }) => /second one/.test(String(msg))), { level: 40, upstream: 'erp' })
    // A renewal begins with the new one again: it may be known by now.
    idp.clients['middleware'] = { secret: NEW, authMethod }
    const shown = idp.tokenRequests[1]?.token
    erp.answerWith((req, res, seen) => answering(req.headers.authorization === `Bearer ${shown}` ? 401 : 200)(req, res, seen))
    t.match(await ask(), { status: 200 })
    t.equal(idp.requests.token, 3)
    t.equal(await counted(), '1')
  })
}

t.test('where neither is taken, the IdP is asked twice for each attempt, and no more', async t => {
  const { idp, erp, gateway, ask } = await scene(t, { secret: registerSecret('another-secret-altogether') })
  t.match(await ask(), { status: 503, code: 'machine-token-unavailable' })
  const attempts = gateway.logLines().filter(line => line['upstream'] === 'erp' && /invalid_client/.test(String(line['problem']))).length
  t.ok(attempts > 0)
  t.equal(idp.requests.token, 2 * attempts)
  t.equal(erp.requests.length, 0)
})

t.test('only a refused client is a reason to show the old one', async t => {
  for (const [status, error, asked] of [[401, 'invalid_client', 2], [400, 'invalid_client', 2], [401, 'access_denied', 2], [401, undefined, 2], [400, 'invalid_scope', 1], [403, 'access_denied', 1], [500, 'server_error', 1], [503, undefined, 1], [400, 'unauthorized_client', 1]] as const) {
    const idp = await startIdp(t, { alg: 'ES256', clients: { middleware: { secret: OLD } } })
    const erp = await startErp(t)
    idp.fail('token', (_req, res) => { res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(error === undefined ? {} : { error })) }, 1)
    idp.fail('jwks', (_req, res) => { res.destroy() })
    const gateway = await startGateway(t, { idp, erp, routes: [{ match: 'GET /status', require: 'public' }], changes: { upstreams: { erp: { credential: { client_credentials: { client_secret: [NEW, OLD] } } } } } })
    await gateway.call({ path: '/status' })
    const [first, second] = idp.tokenRequests.map(({ authorization }) => Buffer.from(authorization?.slice(6) ?? '', 'base64').toString())
    t.match(first, /new/)
    t.match(second ?? '', asked === 2 ? /old/ : /new|^$/, `${status} ${error}`)
    await gateway.close()
  }
})

t.test('the rotation from end to end, without a request that fails', async t => {
  const { idp, ask, change } = await scene(t, { secret: OLD }, { client_secret: OLD })
  t.match(await ask(), { status: 200 })
  await change({ client_secret: [NEW, OLD] })
  t.match(await ask(), { status: 200 })
  idp.clients['middleware'] = { secret: NEW }
  await change({ client_secret: NEW })
  t.match(await ask(), { status: 200 })
})
