import axe, { type AxeResults } from 'axe-core'
import type { Locator } from 'playwright-core'
import t from 'tap'
import { startBrowser, openPage, startScene } from './scene.ts'

const browser = await startBrowser(t)
const hasFocus = async (one: Locator) => await one.and(one.page().locator(':focus')).count() === 1
const PHONE = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true }

t.test('a refusal is seen as it comes, and opens into its explanation, by the keyboard alone', async t => {
  const { idp, erp, gateway, console } = await startScene(t)
  const { page, mistakes } = await openPage(t, browser, console)
  await page.getByText('No request was refused since the start.').waitFor()
  const refused = await gateway.call({ path: '/addresses/17?secret=query', token: idp.mintClient({ scope: 'other' }) })
  await page.getByRole('link', { name: 'GET /addresses/17' }).waitFor()

  await page.keyboard.press('Tab')
  t.equal(await page.evaluate('document.activeElement.textContent'), 'Skip to the content')
  const link = page.getByRole('link', { name: 'GET /addresses/17' })
  for (let presses = 0; presses < 60 && !await hasFocus(link); presses++) await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  const dialog = page.getByRole('dialog', { name: 'GET /addresses/17' })
  await dialog.getByText('What to do').waitFor()
  const text = await dialog.innerText()
  t.match(text, /is refused\s*403 scope-missing[\s\S]*read:address[\s\S]*routes\.yaml:2[\s\S]*client saas/)
  t.match(text, refused.problem?.decision ?? 'none')
  t.notMatch(text, 'secret=query')
  t.equal(await page.evaluate('location.hash'), `#/decisions/${refused.problem?.decision ?? ''}`)

  await page.keyboard.press('Escape')
  await dialog.waitFor({ state: 'detached' })
  t.equal(await hasFocus(link), true, 'what opened it has the focus again')
  t.equal(await page.evaluate('location.hash'), '')
  t.same(mistakes, [])
  t.equal(erp.requests.length, 0)
})

t.test('refusals stand together by reason, rule and client; each shows its own, and why', async t => {
  const { idp, gateway, console } = await startScene(t)
  for (const [path, token] of [['/addresses/1', idp.mintClient()], ['/addresses/2', idp.mintClient({ client_id: 'billing' })], ['/addresses/3', idp.mintIdToken()], ['/none', idp.mintUser()]] as const) await gateway.call({ path, token })
  const { page, mistakes } = await openPage(t, browser, console)
  const section = page.getByRole('region', { name: 'Refusals' })
  await section.getByRole('button', { name: 'scope-missing' }).click()
  await section.getByRole('link', { name: 'GET /addresses/3' }).waitFor({ state: 'detached' })
  const rows = async () => await section.getByRole('table').locator('tbody tr').allInnerTexts()
  t.equal((await rows()).length, 2)
  await section.getByRole('button', { name: 'billing' }).click()
  await section.getByRole('link', { name: 'GET /addresses/1' }).waitFor({ state: 'detached' })
  t.match(await rows(), [/GET \/addresses\/2/])
  await section.getByRole('link', { name: 'Why? The latest of id-token' }).click()
  await page.getByRole('dialog', { name: 'GET /addresses/3' }).getByText('401 id-token').waitFor()
  t.same(mistakes, [])
})

t.test('the rules have their traffic, and what is around the gateway its state', async t => {
  const { idp, gateway, console } = await startScene(t, { changes: { upstreams: { erp: { breaker: { failures: 5 } } } } })
  for (let at = 0; at < 3; at++) await gateway.call({ path: '/addresses/1', token: idp.mintUser() })
  await gateway.call({ path: '/addresses/1', token: idp.mintClient() })
  const { page, mistakes } = await openPage(t, browser, console)
  const rule = page.getByRole('region', { name: 'Rules' }).getByRole('row', { name: /GET \/addresses\/:id/ })
  await rule.waitFor()
  t.same((await rule.getByRole('cell').allInnerTexts()).slice(3, 6), ['4', '1', '0'])
  const surroundings = page.getByRole('region', { name: 'Surroundings' })
  const row = async (table: string, name: RegExp) => await surroundings.getByRole('table', { name: table }).getByRole('row', { name }).innerText()
  t.match(await row('Issuers', /^main/), /usable[\s\S]*1[\s\S]*1 good[\s\S]*none/)
  t.match(await row('Machine tokens, by the upstream that they are for', /^erp/), /in hand[\s\S]*\d s[\s\S]*min[\s\S]*1 good/)
  t.match(await row('Upstreams', /^erp/), /closed/)
  t.match(await surroundings.innerText(), /None is configured: each process[\s\S]*4 rules/)
  t.same(mistakes, [])
})

t.test('what it fears is written out: markup is text, and text cannot turn its direction', async t => {
  const { idp, gateway, console } = await startScene(t)
  const nasty = '<img src=x onerror=document.title="owned">'
  const client = `${nasty}\u202egnp.exe\u0000\u200b`
  await gateway.call({ path: `/addresses/${encodeURIComponent(nasty)}`, token: idp.mintClient({ client_id: client, scope: '<script>document.title="owned"</script>' }) })
  const { page, mistakes } = await openPage(t, browser, console)
  await page.getByRole('region', { name: 'Refusals' }).getByRole('button', { name: '<img' }).waitFor()
  await page.locator('.row-link').first().click()
  const dialog = page.getByRole('dialog')
  await dialog.getByText('<script>').first().waitFor()
  await page.keyboard.press('Escape')
  await page.getByLabel('Path and query').fill('/addresses/1')
  await page.getByLabel('Token, or claims').fill(JSON.stringify({ iss: idp.issuer, sub: nasty, client_id: client, aud: 'https://api.example.com', exp: 4_000_000_000, scope: nasty }))
  await page.getByLabel('Token, or claims').press('Tab')
  await page.getByRole('button', { name: 'Why?', exact: true }).click()
  await page.locator('#ask .verdict').waitFor()
  const text = await page.locator('body').innerText()
  t.ok(text.includes(`${nasty}\\u202egnp.exe\\u0000\\u200b`))
  t.notMatch(text, /[\u202e\u200b]/)
  t.equal(await page.locator('img, script:not([src])').count(), 0)
  t.equal(await page.title(), 'Countersign console')
  t.same(mistakes, [])
})

t.test('on a phone nothing is wider than the screen, and in both schemes nothing is hard to read', async t => {
  const { idp, gateway, console } = await startScene(t)
  await gateway.call({ path: `/addresses/${'long'.repeat(60)}`, token: idp.mintClient({ client_id: 'a-client-of-a-very-long-name-without-any-blank-in-it-at-all' }) })
  await gateway.call({ path: '/addresses/1', token: idp.mintUser() })
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const [name, options] of [['phone', PHONE], ['desk', { viewport: { width: 1280, height: 900 } }]] as const) {
      const { page, mistakes } = await openPage(t, browser, console, { ...options, colorScheme })
      await page.locator('.row-link').first().waitFor()
      await page.getByRole('region', { name: 'Rules' }).getByRole('table').waitFor()
      await page.evaluate(axe.source)
      const scan = async () => {
        const { violations } = await page.evaluate<AxeResults>('axe.run()')
        return violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 150)} ${failureSummary ?? ''}`))
      }
      const overflow = async () => await page.evaluate<number>('document.documentElement.scrollWidth - document.documentElement.clientWidth')
      t.same(await scan(), [], `${name}, ${colorScheme}`)
      t.equal(await overflow(), 0, `${name}, ${colorScheme}`)
      await page.locator('.row-link').first().click()
      await page.getByRole('dialog').getByText('What to do').waitFor()
      t.same(await scan(), [], `${name}, ${colorScheme}: an explanation`)
      t.equal(await overflow(), 0)
      t.same(mistakes, [])
    }
  }
})

t.test('it says since when the gateway does not answer, that it drains, and asks only while it is looked at', async t => {
  const { erp, gateway, console } = await startScene(t, { changes: { drain_delay: '3s' } })
  const { page } = await openPage(t, browser, console)
  await page.getByRole('region', { name: 'Overview' }).waitFor()
  const asked: string[] = []
  page.on('request', request => { asked.push(request.url()) })
  await page.getByRole('button', { name: 'Pause' }).click()
  await page.waitForTimeout(300)
  asked.length = 0
  await page.waitForTimeout(2500)
  t.same(asked, [])
  await page.getByRole('button', { name: 'Resume' }).click()
  const closed = gateway.close()
  await page.getByText('It is draining').waitFor()
  await closed
  await page.getByText(/The gateway does not answer \(since \d\d:\d\d:\d\d\)/).waitFor()
  t.equal(erp.requests.length, 0)
})
