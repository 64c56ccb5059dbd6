import t from 'tap'
import { registerSecret } from '../support/secrets.ts'
import { openPage, startBrowser, startScene } from './scene.ts'

const browser = await startBrowser(t)

t.test('with admin.token the page asks for it, says that a wrong one is wrong, and keeps it in memory alone', async t => {
  const token = registerSecret('an-admin-token-of-some-length', 'the admin token')
  const { idp, gateway, console } = await startScene(t, { changes: { admin: { token } } })
  await gateway.call({ path: '/addresses/1', token: idp.mintClient() })
  const { page } = await openPage(t, browser, console)
  const field = page.getByLabel('Admin token')
  await field.waitFor()
  t.equal(await field.getAttribute('type'), 'password')
  t.equal(await page.locator('section').count(), 0, 'nothing is shown before')
  await field.fill('another-admin-token-of-a-length')
  await page.keyboard.press('Enter')
  await page.getByRole('alert').getByText('That is not its token.').waitFor()
  await field.fill(token)
  await page.keyboard.press('Enter')
  await page.getByRole('link', { name: 'GET /addresses/1' }).click()
  await page.getByRole('dialog').getByText('403 scope-missing').waitFor()
  t.same(await page.evaluate('({ local: { ...localStorage }, session: { ...sessionStorage }, cookie: document.cookie })'), { local: {}, session: {}, cookie: '' })
  t.notMatch(page.url(), token)
  t.notMatch(gateway.log, token)
  await page.reload()
  await field.waitFor()
  t.equal(await field.inputValue(), '')
})
