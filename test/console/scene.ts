import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core'
import { startErp } from '../support/erp.ts'
import { startGateway } from '../support/gateway.ts'
import { startIdp } from '../support/idp.ts'
import type { Files, Settings } from '../support/settings.ts'
import { tearDown, type TestContext } from '../support/teardown.ts'

const args = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']

/** Rules of which each kind of caller misses some. */
export const routes = [
  { match: 'GET /addresses/:id', require: ['user', { client: { scope: 'read:address' } }], description: 'read one' },
  { match: 'POST /addresses', require: 'user' },
  { match: 'PUT|PATCH /addresses/:id', require: { client: { scope: 'write:address' } } },
  { match: 'GET /status', require: 'public' }
]

/** One browser, for all tests of a file. */
export async function startBrowser (t: TestContext): Promise<Browser> {
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args })
  tearDown(t, async () => { await browser.close() })
  return browser
}

export async function startScene (t: TestContext, { changes = {}, rules = routes }: { readonly changes?: Settings, readonly rules?: Files['routes'] } = {}) {
  const idp = await startIdp(t, { alg: 'ES256' })
  const erp = await startErp(t)
  const gateway = await startGateway(t, { idp, erp, changes, routes: rules })
  return { idp, erp, gateway, console: `http://127.0.0.1:${gateway.adminPort}/` }
}

export interface Opened {
  readonly page: Page
  /** What the browser complains about: whatever its policy kept from being done, a missing file, an error in the page. */
  readonly mistakes: string[]
}

/** The page in a context of its own: nothing that another test left behind. */
export async function openPage (t: TestContext, browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Opened> {
  const context = await browser.newContext({ reducedMotion: 'reduce', ...options })
  tearDown(t, async () => { await context.close() })
  const page = await context.newPage()
  const mistakes: string[] = []
  page.on('console', message => { mistakes.push(message.text()) })
  page.on('pageerror', error => { mistakes.push(error.message) })
  await page.goto(url)
  return { page, mistakes }
}
