import t from 'tap'
import { html, json } from '../support/faults.ts'
import { registerSecret } from '../support/secrets.ts'
import { startScene } from './scene.ts'

t.test('a token is fetched once, and its audience, scopes and life are shown; never the token', async t => {
  const { examine, idp } = await startScene(t, { changes: { upstreams: { erp: { credential: { client_credentials: { scope: 'erp' } } } } } })
  const { verdicts, text } = await examine()
  t.same(verdicts('machine tokens'), ['erp good'])
  t.match(text('machine tokens'), /https:\/\/erp\.example\.com.*scope erp.*(29\d|300) s/)
  t.equal(idp.requests.token, 1)
})

t.test('upstreams that would ask for the same token ask once', async t => {
  const { examine, idp, erp } = await startScene(t, { routes: { defaults: { upstream: 'erp' }, routes: [{ match: 'GET /a', require: 'user' }] } })
  const [client_id, client] = Object.entries(idp.clients)[0] ?? []
  const twice = await startScene(t, {
    routes: { defaults: { upstream: 'erp' }, routes: [{ match: 'GET /a', require: 'user' }] },
    changes: {
      issuers: { main: { issuer: idp.issuer } },
      upstreams: Object.fromEntries(['erp', 'too'].map(name => [name, { url: erp.origin, credential: { client_credentials: { issuer: 'main', client_id, client_secret: client?.secret, audience: 'https://erp.example.com' } } }]))
    }
  })
  t.same((await examine()).verdicts('machine tokens'), ['erp good'])
  t.same((await twice.examine()).verdicts('machine tokens'), ['erp, too good'])
  t.equal(idp.requests.token, 2)
})

t.test('an opaque token is a warning, and so is one for another API, with less scope, without an end, or with a short life', async t => {
  const { examine, idp } = await startScene(t, { changes: { upstreams: { erp: { credential: { client_credentials: { scope: 'erp more' } } } } } })
  const verdicts = async (): Promise<string[]> => (await examine()).verdicts('machine tokens')
  idp.machine.format = 'opaque'
  t.same(await verdicts(), ['erp warning'])
  idp.machine.format = 'jwt'
  idp.machine.claims = { aud: 'https://other.example.com' }
  t.same(await verdicts(), ['erp good', 'erp warning'])
  idp.machine.claims = {}
  idp.machine.answer = { scope: 'erp' }
  t.same(await verdicts(), ['erp good', 'erp warning'])
  idp.machine.answer = {}
  Object.assign(idp.machine, { expiresIn: undefined, claims: { exp: undefined } })
  t.same(await verdicts(), ['erp good', 'erp warning'])
  Object.assign(idp.machine, { expiresIn: 20, claims: {} })
  t.same(await verdicts(), ['erp good', 'erp warning'])
})

t.test('a refusal is bad, in the words of the IdP made fit for a terminal, with what to do', async t => {
  const { examine, idp } = await startScene(t)
  const secret = Object.values(idp.clients)[0]?.secret ?? ''
  for (const [error, remedy] of [['invalid_client', /client_secret_post/], ['invalid_scope', /scope/], ['unauthorized_client', /grant/], ['invalid_target', /audience or resource/], ['access_denied', /API/]] as const) {
    idp.fail('token', json(400, { error, error_description: `no \u001b[31m${secret}` }))
    const { verdicts, all, text } = await examine()
    t.same(verdicts('machine tokens'), ['erp bad'], error)
    t.match(text('machine tokens'), remedy, error)
    t.notMatch(JSON.stringify(all), secret)
    t.notMatch(all.map(({ said }) => said).join(), '\u001b')
  }
  idp.fail('token', html())
  t.match((await examine()).text('machine tokens'), /no token/)
})

t.test('a wrong secret is the IdP\'s invalid_client', async t => {
  const { examine } = await startScene(t, { changes: { upstreams: { erp: { credential: { client_credentials: { client_secret: registerSecret('not-the-right-one-at-all') } } } } } })
  t.match((await examine()).text('machine tokens'), /invalid_client.*→.*client_id and client_secret/)
})

t.test('a token endpoint that refuses the connection is told as that', async t => {
  const { examine } = await startScene(t, { changes: { upstreams: { erp: { credential: { client_credentials: { issuer: undefined, token_endpoint: 'http://127.0.0.1:1/token' } } } } } })
  const { verdicts, text } = await examine()
  t.same(verdicts('machine tokens'), ['erp warning', 'erp bad'])
  t.match(text('machine tokens'), /127\.0\.0\.1:1 refuses the connection/)
})

t.test('what is no token is named, and nothing is asked for', async t => {
  const password = registerSecret('a-password-of-the-erp')
  for (const [credential, said] of [['none', /no credential/], [{ basic: { username: 'u', password } }, /basic, in Authorization/], [{ headers: { 'X-Key': password } }, /X-Key/]] as const) {
    const { examine, idp } = await startScene(t, { changes: { upstreams: { erp: { credential: typeof credential === 'string' ? credential : { client_credentials: undefined, ...credential } } } } })
    const { verdicts, text } = await examine()
    t.same(verdicts('machine tokens'), ['erp good'])
    t.match(text('machine tokens'), said)
    t.equal(idp.requests.token, 0)
  }
})
