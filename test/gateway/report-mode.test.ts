import t from 'tap'
import type { Explanation } from '../../src/explain/explanation.ts'
import type { PastLine } from '../../src/explain/explanation.ts'
import { delimited, httpPart, MULTIPART } from '../support/batch-body.ts'
import type { Settings } from '../support/settings.ts'
import { get, startGatehouse, type Gatehouse } from './gatehouse.ts'

const TRIED = { match: 'PUT /a/:id', require: { client: { scope: 'write:a' } }, enforce: 'report' }
const ROUTES: readonly Settings[] = [
  TRIED,
  { match: 'GET /a/:id', require: { client: { scope: 'read:a' } } },
  { match: 'GET /young', require: { user: { max_age: '5m', acr: ['high'], scope: 'young' } }, enforce: 'report' },
  { match: 'GET /limited', require: 'client', enforce: 'report', rate_limit: { max: 1, per: '1h', by: 'user' } },
  { match: 'GET /where/:user', require: { user: { where: 'request.params.user == principal.subject' } }, enforce: 'report' }
]

const put = (token: string, more: Settings = {}) => ({ method: 'PUT', path: '/a/17?q=1', token, body: 'new', ...more })
const lastLine = ({ gateway }: Gatehouse): Record<string, unknown> => gateway.logLines().findLast(line => line['msg'] === 'request') ?? {}
const past = async ({ gateway }: Gatehouse): Promise<readonly PastLine[]> => (await gateway.admin('/decisions')).json() as PastLine[]

t.test('what a rule with enforce: report would refuse with 403 goes to the ERP, and is written down, counted and remembered', async t => {
  const house = await startGatehouse(t, { routes: ROUTES })
  const { idp, gateway } = house
  const seen = await house.lets(t, put(idp.mintClient({ scope: 'read:a' })))
  t.match(seen, { method: 'PUT', url: '/a/17?q=1' })
  t.equal(seen.body.toString(), 'new')
  const line = lastLine(house)
  t.match(line, { status: 200, granted: true, rule: 'PUT /a/:id', reported: 'scope-missing', reported_saw: /read:a.*write:a/, client: 'saas' })
  t.notOk('code' in line)
  await house.lets(t, put(idp.mintUser()))
  t.match(lastLine(house), { reported: 'principal-kind' })
  await house.lets(t, put(idp.mintClient({ scope: 'write:a' })))
  t.notOk('reported' in lastLine(house), 'what the rule lets in is not told')
  const { text } = await gateway.admin('/metrics')
  t.match(text, /^countersign_reported_total\{rule="PUT \/a\/:id",code="scope-missing"\} 1$/m)
  t.match(text, /^countersign_reported_total\{rule="PUT \/a\/:id",code="principal-kind"\} 1$/m)
  t.same((await past(house)).map(({ method, path, status, code, letThrough }) => [method, path, status, code, letThrough]), [['PUT', '/a/17', 403, 'principal-kind', true], ['PUT', '/a/17', 403, 'scope-missing', true]])
  const told = (await gateway.admin(`/decisions/${String(line['decision'])}`)).json() as Explanation
  t.match(told, { passes: true, reported: { status: 403, code: 'scope-missing', detail: /write:a/, remedy: /write:a/ }, rule: { who: /enforce: report/ }, alternatives: [{ holds: false, steps: [{ name: 'scope', outcome: 'fail' }] }] })
  const asked = (await gateway.admin('/explain', { method: 'POST', body: { method: 'PUT', target: '/a/17', token: idp.mintClient({ scope: 'read:a' }) } })).json() as Explanation
  t.match(asked, { passes: true, reported: { status: 403, code: 'scope-missing' }, upstream: { target: '/a/17' } })
})

t.test('other rules refuse as ever', async t => {
  const house = await startGatehouse(t, { routes: ROUTES })
  await house.refuses(t, { path: '/a/17', token: house.idp.mintClient() }, { status: 403, code: 'scope-missing', challenge: { error: 'insufficient_scope', scope: 'read:a' } })
  t.notOk('reported' in lastLine(house))
  t.match(await past(house), [{ code: 'scope-missing', letThrough: false }])
})

t.test('nothing opens it but a good access token that proves a user or a client', async t => {
  const house = await startGatehouse(t, { routes: ROUTES })
  const { idp } = house
  const invalid = { error: 'invalid_token' }
  const token = idp.mintClient()
  await house.refuses(t, put('', { token: undefined }), { status: 401, code: 'credential-missing', challenge: {} })
  await house.refuses(t, put(idp.mintIdToken()), { status: 401, code: 'id-token', challenge: invalid })
  await house.refuses(t, put(idp.mintIdToken({ aud: 'https://api.example.com', client_id: 'saas', scope: 'write:a' })), { status: 401, code: 'id-token', challenge: invalid })
  await house.refuses(t, put(idp.mintUser({}, { header: { typ: 'Refresh' } })), { status: 401, code: 'token-kind', challenge: invalid })
  await house.refuses(t, put(idp.mintUser({ exp: 1 })), { status: 401, code: 'token-expired', challenge: invalid })
  await house.refuses(t, put(idp.mintUser({ aud: 'https://other.example.com' })), { status: 401, code: 'audience-mismatch', challenge: invalid })
  await house.refuses(t, put(idp.mintUser({ iss: 'https://evil.example.com' })), { status: 401, code: 'token-invalid', challenge: invalid })
  await house.refuses(t, put(`${token.slice(0, -8)}AAAAAAAA`), { status: 401, code: 'token-invalid', challenge: invalid })
  // Nothing proves who these are, or too much does; and an agent.
  for (const claims of [{ auth_time: undefined }, { sub_profile: 'ai_agent' }]) {
    await house.refuses(t, put(idp.mintUser(claims)), { status: 403, code: 'principal-kind', challenge: { error: 'insufficient_scope' } })
  }
  await house.refuses(t, put(idp.mintClient({ auth_time: 1 })), { status: 403, code: 'principal-kind', challenge: { error: 'insufficient_scope' } })
  await house.refuses(t, put(token, { method: 'DELETE' }), { status: 405, code: 'method-not-allowed', headers: { allow: /PUT/ } })
  await house.refuses(t, put(token, { path: '/b' }), { status: 404, code: 'route-not-found' })
  await house.refuses(t, put(token, { path: '//a/17' }), { status: 400, code: 'target-ambiguous' })
  await house.refuses(t, get('/where/user-1', `Authorization: Bearer ${token}`, `Authorization: Bearer ${token}`), { status: 400, code: 'credential-ambiguous', challenge: { error: 'invalid_request' } })
  t.ok((await past(house)).every(({ letThrough }) => !letThrough))
  t.notMatch((await house.gateway.admin('/metrics')).text, /^countersign_reported_total\{/m)
})

t.test('a login that is to be made anew is to be made anew, whatever else is missing', async t => {
  const house = await startGatehouse(t, { routes: ROUTES })
  const { idp } = house
  const old = { auth_time: Math.floor(Date.now() / 1000) - 3600 }
  const challenge = { error: 'insufficient_user_authentication', max_age: '300', acr_values: 'high' }
  await house.refuses(t, { path: '/young', token: idp.mintUser({ ...old, scope: 'young' }) }, { status: 401, code: 'login-too-old', challenge })
  await house.refuses(t, { path: '/young', token: idp.mintUser(old) }, { status: 401, code: 'login-too-old', challenge })
  await house.refuses(t, { path: '/young', token: idp.mintUser() }, { status: 401, code: 'login-too-weak', challenge: { error: 'insufficient_user_authentication', acr_values: 'high' } })
  await house.lets(t, { path: '/young', token: idp.mintUser({ acr: 'high' }) })
  t.match(lastLine(house), { reported: 'scope-missing' })
})

t.test('a limit holds, and what it refuses is a refusal', async t => {
  const house = await startGatehouse(t, { routes: ROUTES })
  const token = house.idp.mintUser()
  await house.lets(t, { path: '/limited', token })
  await house.refuses(t, { path: '/limited', token }, { status: 429, code: 'rate-limited', headers: { 'retry-after': /\d/ } })
  t.match(lastLine(house), { code: 'rate-limited', reported: 'principal-kind' })
  const line = lastLine(house)
  t.match((await house.gateway.admin(`/decisions/${String(line['decision'])}`)).json(), { request: { target: '/limited' }, passes: false, code: 'rate-limited' }, 'which is what is told of it')
})

t.test('where looks at each request anew', async t => {
  const house = await startGatehouse(t, { routes: ROUTES })
  const token = house.idp.mintUser()
  await house.lets(t, { path: '/where/user-2', token })
  t.match(lastLine(house), { reported: 'where-not-met' })
  await house.lets(t, { path: '/where/user-1', token })
  t.notOk('reported' in lastLine(house))
})

t.test('in a batch it holds for the requests of its own rule, and each is told', async t => {
  const routes = [
    { match: 'POST /o/$batch', require: 'user|client', batch: { each: 'same_rules' } },
    { match: 'GET /o/Tried', require: 'client', enforce: 'report' },
    { match: 'GET /o/Kept', require: 'client' }
  ]
  const house = await startGatehouse(t, { routes })
  const batch = (...targets: readonly string[]) => ({ method: 'POST', path: '/o/$batch', token: house.idp.mintUser(), headers: { 'content-type': MULTIPART }, body: delimited(targets.map(target => httpPart({ target }))) })
  await house.lets(t, batch('Tried', 'Tried'))
  t.match(lastLine(house), { granted: true, batch_parts: 2, reported: 'principal-kind', reported_saw: /^part 1/, reported_parts: 2 })
  t.match((await house.gateway.admin('/metrics')).text, /^countersign_reported_total\{rule="GET \/o\/Tried",code="principal-kind"\} 2$/m)
  t.match(await past(house), [{ path: '/o/$batch', rule: 'GET /o/Tried', letThrough: true }])
  await house.refuses(t, batch('Tried', 'Kept'), { status: 403, code: 'principal-kind', challenge: { error: 'insufficient_scope' } })
  t.match(lastLine(house), { granted: false, part: 2, reported: 'principal-kind' })
})
