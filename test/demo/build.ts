import { serveErp } from '../../src/demo/erp.ts'
import { serveIdp } from '../../src/demo/idp.ts'
import { openSite } from '../../src/demo/site.ts'
import { tearDown, type TestContext } from '../support/teardown.ts'

/** The demo's IdP on a free port, ended with the test. The SaaS' URL is only a name here. */
export async function buildIdp (t: TestContext, saas = 'http://127.0.0.1:9') {
  const site = await openSite('--idp-port', 0)
  tearDown(t, () => site.close())
  await serveIdp(site, saas)
  return { issuer: site.url, saas }
}

/** The demo's ERP on a free port, ended with the test. */
export async function buildErp (t: TestContext, issuer: string) {
  const site = await openSite('--erp-port', 0)
  tearDown(t, () => site.close())
  return serveErp(site, issuer)
}
