import t from 'tap'
import { startErp } from '../support/erp.ts'
import { startGateway } from '../support/gateway.ts'
import { startIdp } from '../support/idp.ts'
import { requests, routes, tokens } from '../explain/pairs.ts'
import { openPage, startBrowser, startScene } from './scene.ts'
import type { Page } from 'playwright-core'

const browser = await startBrowser(t)

interface Asked {
  readonly method: string
  readonly target: string
  readonly shown: string
  readonly more?: Readonly<Record<string, string>>
}

async function ask (page: Page, { method, target, shown, more = {} }: Asked): Promise<string> {
  await page.getByRole('button', { name: 'Forget it' }).click()
  await page.getByRole('combobox', { name: 'Method' }).selectOption(method)
  await page.getByLabel('Path and query').fill(target)
  await page.getByLabel('Token, or claims as JSON').fill(shown)
  for (const [label, value] of Object.entries(more)) {
    if (!await page.getByLabel(label).isVisible()) await page.getByText('More of the request').click()
    await page.getByLabel(label).fill(value)
  }
  await page.getByRole('button', { name: 'Why?', exact: true }).click()
  return await page.locator('#ask .answer > p').innerText()
}

/** As `ask`, by the page's own form, in a hundredth of the time that typing takes. */
async function submit (page: Page, { method, target, shown }: Asked, headers: string): Promise<string> {
  return await page.evaluate(`(async asked => {
    const form = document.querySelector('#ask form')
    const answer = () => document.querySelector('#ask .answer > p')
    const until = async holds => { while (!holds()) await new Promise(resolve => setTimeout(resolve, 2)) }
    const button = [...form.querySelectorAll('button')].find(({ textContent }) => textContent === 'Forget it')
    button.click()
    await until(() => answer() === null)
    for (const [name, value] of Object.entries(asked)) form.elements[name].value = value
    form.requestSubmit()
    await until(() => answer() !== null)
    return answer().innerText
  })(${JSON.stringify({ method, target, shown, headers })})`)
}

t.test('asked for 560 pairs of request and token, the page has the data plane\'s verdict', async t => {
  const idp = await startIdp(t)
  const second = await startIdp(t)
  const erp = await startErp(t)
  const changes = { issuers: { second: { issuer: second.issuer, audience: 'https://api.example.com' } }, listen: { max_header_size: '64KiB' } }
  const gateway = await startGateway(t, { idp, erp, changes, routes: { defaults: { issuers: 'main' }, routes } })
  const { page, mistakes } = await openPage(t, browser, `http://127.0.0.1:${gateway.adminPort}/`)
  await page.getByLabel('Path and query').waitFor()

  const pairs = Object.values(tokens).flatMap(mint => requests.map(([method, target]) => ({ mint, method, target })))
  const verdicts = new Set<string>()
  for (const [at, { mint, method, target }] of pairs.entries()) {
    const token = mint(idp)
    const answer = await gateway.call({ method, path: target, headers: { host: 'gateway.test' }, ...token !== undefined && { token } })
    const asked = { method, target, shown: token ?? '' }
    // Some are typed.
    const told = at % 23 === 0 ? await ask(page, { ...asked, more: { 'Headers, one on a line': 'Host: gateway.test' } }) : await submit(page, asked, 'Host: gateway.test')
    // The line of a request is written a moment after its answer.
    const { reported } = gateway.logLines().findLast(({ msg }) => msg === 'request') as { readonly reported?: string }
    const passes = reported === undefined ? 'would pass' : `let through would be 403 ${reported}, but the rule only reports`
    const wanted = answer.status === 200 ? passes : `is refused ${answer.status} ${answer.code ?? ''}`
    t.equal(told, wanted, `${at}: ${method} ${target}`)
    verdicts.add(wanted)
  }
  t.equal(pairs.length, 560)
  t.ok(verdicts.size > 20, `${verdicts.size} verdicts`)
  t.same(mistakes, [])
})

t.test('claims will do in the place of a token, and it says that no signature was checked', async t => {
  const { idp, gateway, console } = await startScene(t)
  const { page, mistakes } = await openPage(t, browser, console)
  await page.getByLabel('Path and query').waitFor()
  const claims = { iss: idp.issuer, sub: 'saas', client_id: 'saas', aud: 'https://api.example.com', exp: 4_000_000_000 }
  const about = { method: 'PUT', target: '/addresses/1', more: { 'Header of the token, with claims': '{ "typ": "at+jwt" }' } }
  t.equal(await ask(page, { ...about, shown: JSON.stringify({ ...claims, scope: 'write:address' }) }), 'would pass')
  t.match(await page.locator('#ask').innerText(), /No signature was checked[\s\S]*/)
  t.equal(await ask(page, { ...about, shown: JSON.stringify({ ...claims, scope: 'read:address' }) }), 'is refused 403 scope-missing')
  t.equal(await ask(page, { ...about, shown: '{ "iss": ' }), 'The claims are no JSON.')
  t.equal(await ask(page, { method: 'GET', target: 'no-path', shown: '' }), 'target: expected a path that begins with /')
  t.equal(await ask(page, { method: 'PUT', target: '/addresses/1', shown: `Authorization: Bearer ${idp.mintClient({ scope: 'write:address' })}` }), 'would pass')
  const signed = await gateway.call({ method: 'PUT', path: '/addresses/1', token: idp.mintClient({ scope: 'write:address' }) })
  t.equal(signed.status, 200)
  // The browser says that it was answered 400.
  t.match(mistakes, [/400/])
})

t.test('what was pasted is nowhere afterwards: not in the browser, not in the address, not in the log', async t => {
  const { idp, gateway, console } = await startScene(t)
  const { page, mistakes } = await openPage(t, browser, console)
  await page.getByLabel('Path and query').waitFor()
  const sent: string[] = []
  page.on('request', request => { sent.push(`${request.method()} ${request.url()}`) })
  const token = idp.mintClient({ scope: 'write:address' })
  t.equal(await ask(page, { method: 'PUT', target: '/addresses/1', shown: token }), 'would pass')
  t.same(sent.filter(one => one.startsWith('POST')), [`POST ${console}explain`], 'it went to this gateway, in a body')
  const signature = token.split('.').at(-1) ?? ''
  t.notMatch(sent.join('\n'), signature)
  t.notMatch(await page.locator('#ask .explained').innerText(), signature, 'the answer has it not')
  const kept = await page.evaluate(`(async () => ({
    local: { ...localStorage },
    session: { ...sessionStorage },
    cookie: document.cookie,
    databases: await indexedDB.databases(),
    caches: await caches.keys(),
    state: history.state,
    address: location.href
  }))()`)
  t.same(kept, { local: {}, session: {}, cookie: '', databases: [], caches: [], state: null, address: console })
  t.same(await page.context().cookies(), [])
  t.notMatch(gateway.log, signature)
  await page.reload()
  await page.getByLabel('Path and query').waitFor()
  t.equal(await page.getByLabel('Token, or claims as JSON').inputValue(), '')
  await ask(page, { method: 'PUT', target: '/addresses/1', shown: token })
  await page.getByRole('button', { name: 'Forget it' }).click()
  t.equal(await page.getByLabel('Token, or claims as JSON').inputValue(), '')
  t.equal(await page.locator('#ask .explained').count(), 0)
  t.same(mistakes, [])
})
