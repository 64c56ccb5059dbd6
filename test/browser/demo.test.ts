import { chromium, type Page } from 'playwright-core'
import t from 'tap'
import { startCommand, untilOutput } from '../support/command.ts'
import { tearDown, type TestContext } from '../support/teardown.ts'

const args = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']

/** The demo as it ships, and a browser in front of its SaaS, logged in as `user`. */
async function logIn (t: TestContext, user: string) {
  const demo = startCommand(t, ['demo', '--json'], { printsTokens: true })
  const saas = await untilOutput(demo, () => /"saas": "(http:[^"]+)"/.exec(demo.stdout.endsWith('\n}\n') ? demo.stdout : '')?.[1])
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args })
  tearDown(t, () => browser.close())
  const page = await browser.newPage()
  const mistakes = watch(page)
  await page.goto(saas)
  await page.getByRole('link', { name: 'Log in' }).click()
  await page.getByLabel('Name').fill(user)
  await page.getByLabel('Password').fill(user)
  await page.getByRole('button', { name: 'Log in' }).click()
  await page.getByRole('heading', { name: 'New address' }).waitFor()
  return { page, saas, mistakes }
}

/** What the browser complains about: a blocked style, a missing file, an error in a page. */
function watch (page: Page): string[] {
  const mistakes: string[] = []
  page.on('console', (message) => { if (message.type() !== 'log') mistakes.push(message.text()) })
  page.on('pageerror', (error) => mistakes.push(error.message))
  return mistakes
}

t.test('a user logs in, creates an address, and the list has it', async (t) => {
  const { page, saas, mistakes } = await logIn(t, 'grace')
  t.match(await page.getByRole('banner').innerText(), /Grace Hopper/)
  await page.getByLabel('Name').fill('Mary Somerville <b>')
  await page.getByLabel('Street').fill("4 Abbey's Row")
  await page.getByLabel('City').fill('Jedburgh')
  await page.getByRole('button', { name: 'Create address' }).click()

  const happened = page.getByRole('region', { name: 'What happened' })
  await happened.getByText('✓ lets it through').waitFor()
  t.match(await happened.innerText(), /201[\s\S]*https:\/\/api\.example\.com[\s\S]*grace[\s\S]*middleware[\s\S]*No token of the caller/)
  t.match(await page.getByRole('region', { name: 'Addresses', exact: true }).innerText(), /Mary Somerville <b>\n4 Abbey's Row, Jedburgh/)
  t.equal(await page.context().cookies(saas).then((cookies) => cookies.find(({ name }) => name === 'saas_session')?.httpOnly), true)
  t.same(mistakes, [])
})

t.test('the ID-token button shows what the gateway says to it, and the ERP saw nothing', async (t) => {
  const { page } = await logIn(t, 'ada')
  await page.getByRole('button', { name: 'ID token, sent by mistake' }).click()

  const happened = page.getByRole('region', { name: 'What happened' })
  await happened.getByText('✕ refuses').waitFor()
  const text = await happened.innerText()
  t.match(text, /401/)
  t.match(text, /ID token/)
  t.match(text, /access token/)
  t.match(text, /error="invalid_token"/)
  t.match(text, /Nothing\. The gateway refused/)
  t.equal(await page.getByRole('region', { name: 'Addresses', exact: true }).getByRole('listitem').count(), 1, 'no address came of it')
})

t.test("the SaaS' own token updates where it has the scope, and not where it has not", async (t) => {
  const { page } = await logIn(t, 'ada')
  const happened = page.getByRole('region', { name: 'What happened' })
  await page.getByRole('button', { name: 'without write:address' }).click()
  await happened.getByText('✕ refuses').waitFor()
  t.match(await happened.innerText(), /403[\s\S]*scope="write:address"/)
  t.equal(await page.getByText('✓ verified').count(), 0)

  await page.getByRole('button', { name: 'own token updates' }).click()
  await page.getByText('✓ verified').waitFor()
  t.match(await happened.innerText(), /200[\s\S]*saas-backend[\s\S]*middleware/)
})

t.test('after the log-out the IdP asks again, so that somebody else can come in', async (t) => {
  const { page } = await logIn(t, 'ada')
  await page.getByRole('button', { name: 'Log out' }).click()
  await page.getByRole('link', { name: 'Log in' }).click()
  await page.getByLabel('Name').fill('grace')
  await page.getByLabel('Password').fill('grace')
  await page.getByRole('button', { name: 'Log in' }).click()
  await page.getByText('Grace Hopper').first().waitFor()
  t.match(await page.getByRole('banner').innerText(), /Grace Hopper/)
})
