import t from 'tap'
import { call, type CallOptions } from '../support/call.ts'
import { SAP_SERVICE, startSap, type Sap, type SapOptions } from '../support/erps/sap.ts'
import { answer } from '../support/faults.ts'
import { startIdp } from '../support/idp.ts'
import type { TestContext } from '../support/teardown.ts'

const authorization = `Basic ${Buffer.from('USER:a-password-of-sap').toString('base64')}`
const PARTNERS = `${SAP_SERVICE}/A_BusinessPartner`

async function scene (t: TestContext, options: SapOptions = {}) {
  const sap = await startSap(t, { users: { USER: 'a-password-of-sap' }, ...options })
  const ask = async (options: CallOptions) => await call(sap.port, { ...options, headers: { authorization, ...options.headers } })
  return { sap, ask, logon: await logonAt(sap) }
}

/** Cookies and token, as a client has them that does as the documents say. */
async function logonAt (sap: Sap): Promise<{ readonly cookie: string, readonly 'x-csrf-token': string }> {
  const { headers } = await call(sap.port, { path: `${SAP_SERVICE}/`, headers: { authorization, 'x-csrf-token': 'Fetch' } })
  return { cookie: (headers['set-cookie'] ?? []).map(line => line.split(';')[0]).join('; '), 'x-csrf-token': String(headers['x-csrf-token']) }
}

t.test('a token is good with the cookies that came with it, until the session ends', async t => {
  for (const sessionManagement of [true, false]) {
    const { sap, ask, logon } = await scene(t, { sessionManagement })
    const post = async (headers: object) => await ask({ method: 'POST', path: PARTNERS, body: { BusinessPartner: '1' }, headers: { ...headers } })
    const other = await logonAt(sap)
    t.match(logon.cookie, sessionManagement ? /^SAP_SESSIONID_S4H_100=.+; sap-usercontext=sap-client=100$/ : /^sap-XSRF_S4H_100=/)
    for (const bad of [{}, { cookie: logon.cookie }, { 'x-csrf-token': logon['x-csrf-token'] }, { ...logon, cookie: other.cookie }, { ...logon, 'x-csrf-token': 'Fetch' }]) {
      t.match(await post(bad), { status: 403, headers: { 'x-csrf-token': 'Required' }, text: 'CSRF token validation failed' })
    }
    t.match(await post(logon), { status: 201, headers: { location: `${sap.origin}${PARTNERS}('1')`, etag: /^W\// } })
    sap.sessions.expire()
    t.match(await post(logon), { status: 403, headers: { 'x-csrf-token': 'Required' } })
    t.same([sap.data.created, sap.fetches, sap.refused], [['1'], 2, 6])
  }
})

t.test('no logon is a 401 that names the system, and another client is none', async t => {
  const { sap, ask } = await scene(t)
  for (const asked of [call(sap.port, { path: PARTNERS }), ask({ path: `${PARTNERS}?sap-client=200` }), ask({ path: PARTNERS, headers: { authorization: 'Bearer x' } })]) {
    t.match(await asked, { status: 401, headers: { 'www-authenticate': 'Basic realm="SAP NetWeaver Application Server [S4H/100]"', 'content-type': /html/ } })
  }
  t.equal((await ask({ path: `${PARTNERS}?sap-client=100` })).status, 200)
})

t.test('a machine token logs on where it is one of that IdP\'s', async t => {
  const idp = await startIdp(t)
  const sap = await startSap(t, { idp })
  const token = (aud: string) => idp.mintClient({ aud })
  t.equal((await call(sap.port, { path: PARTNERS, token: token('https://erp.example.com') })).status, 200)
  t.equal((await call(sap.port, { path: PARTNERS, token: token('https://api.example.com') })).status, 401)
})

t.test('entity sets: keys in parentheses, $top and $skip, ETags, and what is carried out twice', async t => {
  const { sap, ask, logon } = await scene(t)
  const write = async (method: string, path: string, body?: object, headers = {}) => await ask({ method, path: `${SAP_SERVICE}/${path}`, ...body && { body }, headers: { ...logon, ...headers } })
  for (const key of ['1', '2', '3']) t.equal((await write('POST', 'A_Customer', { Customer: key })).status, 201)
  t.match((await write('POST', 'A_Customer', { Name: 'x' })).json(), { d: { Customer: '10000000' } })
  t.equal((await write('POST', 'A_Customer', { Customer: '1' })).status, 400)
  t.equal((await write('POST', 'A_Customer')).status, 400)
  t.same([sap.data.timesCreated('1'), sap.data.timesCreated('2')], [2, 1])
  t.match((await ask({ path: `${SAP_SERVICE}/A_Customer?$top=1&$skip=1` })).json(), { d: { results: [{ Customer: '2' }] } })
  const one = await ask({ path: `${SAP_SERVICE}/A_Customer('1')` })
  t.match(one.json(), { d: { Customer: '1', __metadata: { etag: one.headers.etag } } })
  t.equal((await write('PATCH', "A_Customer('1')", { City: 'Ulm' })).status, 428)
  t.equal((await write('PATCH', "A_Customer('1')", { City: 'Ulm' }, { 'if-match': 'W/"x"' })).status, 412)
  t.equal((await write('PATCH', "A_Customer('1')", { City: 'Ulm' }, { 'if-match': one.headers.etag })).status, 204)
  t.equal((await write('PATCH', "A_Customer('1')", { City: 'Bonn' }, { 'if-match': one.headers.etag })).status, 412)
  t.match(sap.data.stored('A_Customer', '1'), { City: 'Ulm' })
  t.equal((await write('DELETE', "A_Customer('2')", undefined, { 'if-match': '*' })).status, 204)
  for (const path of ["A_Customer('2')", 'A_Nothing', 'Else/x']) t.equal((await ask({ path: `${SAP_SERVICE}/${path}` })).status, 404, path)
  t.equal((await ask({ path: '/sap/elsewhere' })).status, 404)
  for (const path of ['', '/', '/$metadata']) t.equal((await ask({ path: `${SAP_SERVICE}${path}` })).status, 200, path)
})

t.test('$batch is 202, and each part has its own answer', async t => {
  const { sap, ask, logon } = await scene(t)
  const lines = [
    '--b1', 'Content-Type: multipart/mixed; boundary=c1', '',
    '--c1', 'Content-Type: application/http', 'Content-Transfer-Encoding: binary', '', 'POST A_BusinessPartner HTTP/1.1', 'Content-Type: application/json', '', '{"BusinessPartner":"7"}', '--c1--', '',
    '--b1', 'Content-Type: application/http', '', "GET A_BusinessPartner('8') HTTP/1.1", '', '', '--b1--', ''
  ]
  const answer = await ask({ method: 'POST', path: `${SAP_SERVICE}/$batch`, body: lines.join('\r\n'), headers: { ...logon, 'content-type': 'multipart/mixed; boundary=b1' } })
  t.match(answer, { status: 202, headers: { 'content-type': /^multipart\/mixed; boundary=/ } })
  t.match(answer.text, /HTTP\/1\.1 201 [\s\S]*HTTP\/1\.1 404 /)
  t.same(sap.data.created, ['7'])
  t.equal((await ask({ method: 'POST', path: `${SAP_SERVICE}/$batch`, body: 'x', headers: logon })).status, 400)
})

t.test('requests of a concern fail as told, so many times', async t => {
  const { sap, ask } = await scene(t)
  sap.fail('fetch', answer(503, 'down'), 1)
  const fetch = async () => (await ask({ path: PARTNERS, headers: { 'x-csrf-token': 'Fetch' } })).status
  t.same([(await ask({ path: PARTNERS })).status, await fetch(), await fetch()], [200, 503, 200])
  sap.fail('read', answer(500))
  t.equal((await ask({ path: PARTNERS })).status, 500)
  sap.heal()
  t.equal((await ask({ path: PARTNERS })).status, 200)
})
