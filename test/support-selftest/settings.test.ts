import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import t from 'tap'
import { parse } from 'yaml'
import { startIdp } from '../support/idp.ts'
import { standardGateway, writeFiles } from '../support/settings.ts'

t.test('the standard gateway.yaml says where the identity provider and the ERP are', async t => {
  const idp = await startIdp(t, { issuer: () => 'https://idp.example.com/' })
  const settings = standardGateway({ idp, erp: { origin: 'http://127.0.0.1:1' } })
  t.match(settings, {
    issuers: { main: { issuer: 'https://idp.example.com/', idp: 'rfc9068', discovery: idp.discoveryUrl } },
    upstreams: { erp: { credential: { client_credentials: { client_id: 'middleware', client_secret: idp.clients['middleware']?.secret } } } }
  })
})

t.test('changes go into it key by key, and take out', async t => {
  const idp = await startIdp(t)
  const settings = standardGateway({ idp, erp: { origin: 'http://127.0.0.1:1' } }, {
    listen: { rate_limit: { max: 1, per: '1s' } }, upstreams: { erp: { credential: 'none' } }, log: undefined
  })
  t.same(settings['listen'], { host: '127.0.0.1', port: 0, rate_limit: { max: 1, per: '1s' } })
  t.match(settings, { upstreams: { erp: { url: 'http://127.0.0.1:1', credential: 'none' } } })
  t.notOk('log' in settings)
})

t.test('both files are written as texts or values, and go with the test', async t => {
  const shared = { scope: 'x' }
  let dir = ''
  await t.test('written', async t => {
    const files = await writeFiles(t, {
      gateway: 'listen: { port: 0 }  # as it is\n', routes: [{ match: 'GET /', require: [{ user: shared }, { client: shared }] }], files: { 'secrets/erp': 'x\n' }
    })
    dir = files.dir
    t.equal(await readFile(files.config, 'utf8'), 'listen: { port: 0 }  # as it is\n')
    const routes = await readFile(files.routes, 'utf8')
    t.same(parse(routes), { routes: [{ match: 'GET /', require: [{ user: shared }, { client: shared }] }] })
    t.notMatch(routes, /[&*]/)
    t.ok(existsSync(`${dir}/secrets/erp`))
  })
  t.notOk(existsSync(dir))
})
