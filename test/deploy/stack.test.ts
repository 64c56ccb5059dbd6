// `docker compose up` without Docker: each service of compose.yaml as a process with its own command, then the demo's calls.
import t from 'tap'
import { lessons } from '../../src/demo/lessons.ts'
import { ownTokens } from '../../src/demo/own-tokens.ts'
import { scriptedLogin } from '../../src/demo/scripted-login.ts'
import { browser } from '../demo/browser.ts'
import { liveIn } from './place.ts'
import { startStack } from './stack.ts'

// Where a person on this machine finds the parts: the ports that are published, and the IdP by its name.
const urls = { saas: 'http://localhost:3000', gateway: 'http://localhost:8080', idp: 'http://idp.localhost:8081' }

t.test('the services start in their order, and the demo holds', async t => {
  const stack = await startStack(t)
  liveIn(stack.place)
  const seen = () => (stack.parts['erp']?.stdout ?? '').split('\n').filter(line => / by | without /.test(line) && !line.includes(' 401 '))

  const ada = await scriptedLogin(urls.idp, urls.saas, 'ada')
  const ownToken = ownTokens(urls.idp)
  const tokens = { user: ada.accessToken, id: ada.idToken, saas: await ownToken('saas'), readonly: await ownToken('readonly'), none: undefined }

  for (const { id, token, method, path, body, expect } of lessons) {
    const before = seen().length
    const value = tokens[token]
    const answer = await fetch(`${urls.gateway}${path}`, {
      method,
      headers: { ...value !== undefined && { Authorization: `Bearer ${value}` }, ...body !== undefined && { 'Content-Type': 'application/json' } },
      body: body && JSON.stringify(body)
    })
    const problem = answer.headers.get('content-type')?.includes('problem+json') === true ? String(Object(await answer.json()).type) : ''
    t.equal(answer.status, expect, id)
    t.equal(seen().length - before, expect < 400 ? 1 : 0, `${id}: what the ERP saw`)
    if (id === 'id-token') t.match(problem, /:id-token$/)
    if (id === 'no-scope') t.match(problem, /:scope-missing$/)
    if (id === 'create') t.equal(answer.headers.get('location'), `${urls.gateway}/addresses/2`)
    if (expect < 400) t.ok(answer.headers.has('ratelimit-remaining'), `${id}: it was counted`)
  }
  t.ok(seen().every(line => line.endsWith(' by middleware')), 'the ERP saw the gateway\'s own token, and no other')
  t.equal((await fetch('http://localhost:8082/erp/status')).status, 401, 'the ERP takes nobody else')

  const keys = (await stack.redis('--raw', 'EVAL', "return redis.call('MGET', 'countersign:nothing')", '0'))
  t.equal(keys, '', 'the gateway\'s user may do what it needs')
  t.match(await stack.redis('--raw', 'KEYS', '*'), /NOPERM/, 'and nothing else')
  const { text: metrics } = await scrape(stack.place.address)
  t.match(metrics, /countersign_store_up\{engine="redis"\} 1/)
  t.match(metrics, /countersign_store_operations_total\{operation="count",outcome="ok"\} [1-9]/)
  t.match(metrics, /countersign_store_operations_total\{operation="token",outcome="ok"\} [1-9]/)

  await t.test('a person clicks through it', async t => {
    const person = browser()
    const login = await person.open(`${urls.saas}/login`)
    t.ok(login.url.startsWith(`${urls.idp}/login/`))
    const home = await person.open(login.url, { username: 'ada', password: 'ada' })
    t.equal(home.url, `${urls.saas}/`)
    t.match(home.text, /Grace Hopper/, 'what was created above')
    const csrf = /name="csrf" value="([\w-]+)"/.exec(home.text)?.[1] ?? ''
    const good = await person.open(`${urls.saas}/lessons/update`, { csrf })
    t.match(good.text, /class="stop passed"/)
    t.match(good.text, /answers 200/)
    const bad = await person.open(`${urls.saas}/lessons/id-token`, { csrf })
    t.match(bad.text, /class="stop refused"/)
    t.match(bad.text, /never asked/)
  })

  await t.test('each ends by SIGTERM with status 0', async t => {
    for (const [name, part] of Object.entries(stack.parts).reverse()) {
      part.kill()
      t.same(await part.exited, { code: 0, signal: null }, name)
      t.equal(part.stderr, '', name)
    }
  })
})

async function scrape (address: string): Promise<{ text: string }> {
  return { text: await (await fetch(`http://${address}:9090/metrics`)).text() }
}
