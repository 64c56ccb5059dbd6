import t from 'tap'
import type { Call, Exchange } from '../../src/demo/exchange.ts'
import type { TokenName } from '../../src/demo/lessons.ts'
import { serveIdp } from '../../src/demo/idp.ts'
import { serveSaas } from '../../src/demo/saas.ts'
import { openSite } from '../../src/demo/site.ts'
import { tearDown, type TestContext } from '../support/teardown.ts'
import { browser } from './browser.ts'

/** The SaaS before a gateway that is only a list of what it was asked. */
async function build (t: TestContext) {
  const [saas, idp] = [await openSite('--port', 0), await openSite('--idp-port', 0)]
  tearDown(t, () => Promise.all([saas.close(), idp.close()]))
  await serveIdp(idp, saas.url)
  const calls: Array<{ call: Call, token: TokenName, value: string | undefined }> = []
  const callGateway = async (call: Call, token: TokenName, value: string | undefined): Promise<Exchange> => {
    calls.push({ call, token, value })
    const body = call.method === 'GET' ? [{ id: '1', name: '<b>Ada</b>', street: 'S', city: 'C', verified: false }] : { title: 'T', detail: 'what the gateway <says>' }
    return { sent: { ...call, token }, answer: { status: call.method === 'GET' ? 200 : 401, challenge: 'Bearer error="invalid_token"', body }, erp: undefined }
  }
  await serveSaas(saas, { issuer: idp.url, callGateway, ownToken: async (name) => `own-${name}` })
  return { saas, calls }
}

async function logIn (url: string) {
  const ada = browser()
  const page = await ada.open(`${url}/login`)
  const home = await ada.open(page.url, { username: 'ada', password: 'ada' })
  return { ada, home, csrf: /name="csrf" value="([\w-]+)"/.exec(home.text)?.[1] ?? '' }
}

t.test('after the login the list is read with the access token, and no token reaches the browser', async (t) => {
  const { saas, calls } = await build(t)
  const { ada, home } = await logIn(saas.url)

  t.equal(home.url, `${saas.url}/`)
  t.match(calls, [{ call: { method: 'GET', path: '/addresses' }, token: 'user', value: /^eyJ/ }])
  t.match(home.text, /Ada Lovelace/)
  t.notMatch(home.text, '<b>Ada</b>', 'what the API says is escaped')
  t.notMatch(home.text + [...ada.cookies].join(), /eyJ/, 'no token in pages or cookies')
  const csp = home.headers.get('content-security-policy')
  t.match(csp, /default-src 'none'/)
  t.notMatch(csp, /unsafe|script/)
})

t.test('the session cookie is HttpOnly and SameSite, and is another one after the login', async (t) => {
  const { saas } = await build(t)
  const before = await fetch(`${saas.url}/login`, { redirect: 'manual' })
  t.match(before.headers.getSetCookie(), [/^saas_session=[\w-]{43}; .*HttpOnly; SameSite=Lax/])
  const ada = browser()
  const page = await ada.open(`${saas.url}/login`)
  const first = ada.cookies.get('saas_session')
  await ada.open(page.url, { username: 'ada', password: 'ada' })
  t.ok(ada.cookies.get('saas_session'))
  t.not(ada.cookies.get('saas_session'), first)
})

t.test('each lesson sends the token that it is about, and the page shows what the gateway said', async (t) => {
  const { saas, calls } = await build(t)
  const { ada, csrf } = await logIn(saas.url)
  const sent = async (path: string, form: Record<string, string> = {}) => {
    calls.length = 0
    const { text } = await ada.open(`${saas.url}${path}`, { csrf, ...form })
    return { ...calls[0], text }
  }
  const mistake = await sent('/lessons/id-token')
  t.match(mistake, { token: 'id', value: /^eyJ/, call: { method: 'POST', path: '/addresses' } })
  t.match(mistake.text, /what the gateway &#60;says&#62;/)
  t.match(mistake.text, /Bearer error=&#34;invalid_token&#34;/)
  t.match(await sent('/lessons/update'), { token: 'saas', value: 'own-saas', call: { method: 'PATCH' } })
  t.match(await sent('/lessons/no-scope'), { token: 'readonly', value: 'own-readonly' })
  t.match(await sent('/lessons/no-token'), { token: 'none', value: undefined })
  t.match(await sent('/addresses', { name: 'N', street: 'S', city: 'C' }), { token: 'user', call: { method: 'POST', body: { name: 'N', street: 'S', city: 'C' } } })
})

t.test('a form from elsewhere does nothing', async (t) => {
  const { saas, calls } = await build(t)
  const { ada, csrf } = await logIn(saas.url)
  calls.length = 0
  const cookie = `saas_session=${ada.cookies.get('saas_session')}`
  for (const path of ['/addresses', '/lessons/update', '/logout']) {
    for (const form of ['', 'csrf=', `csrf=${csrf}x`, `csrf=${'x'.repeat(csrf.length)}`]) {
      const answer = await fetch(`${saas.url}${path}`, { method: 'POST', headers: { cookie }, body: new URLSearchParams(form) })
      t.equal(answer.status, 403, path)
    }
  }
  t.equal((await fetch(`${saas.url}/lessons/update`, { method: 'POST', body: new URLSearchParams({ csrf }) })).status, 403, 'without the session')
  const json = { 'content-type': 'application/json', cookie }
  t.equal((await fetch(`${saas.url}/addresses`, { method: 'POST', headers: json, body: JSON.stringify({ csrf }) })).status, 415)
  t.same(calls, [])
})

t.test('a callback with a state of another browser logs nobody in', async (t) => {
  const { saas } = await build(t)
  const begun = await fetch(`${saas.url}/login`, { redirect: 'manual' })
  const cookie = String(begun.headers.getSetCookie()[0]).split(';')[0] ?? ''
  t.equal((await fetch(`${saas.url}/callback?code=x&state=y`, { headers: { cookie } })).status, 400)
  t.equal((await fetch(`${saas.url}/callback?code=x&state=y`)).status, 400)
})

t.test('logging out ends the session at the SaaS, for a copy of the cookie, too', async (t) => {
  const { saas } = await build(t)
  const { ada, csrf } = await logIn(saas.url)
  const cookie = `saas_session=${ada.cookies.get('saas_session')}`
  await ada.open(`${saas.url}/logout`, { csrf })
  t.notMatch(await (await fetch(saas.url, { headers: { cookie } })).text(), /Ada Lovelace/)
})
