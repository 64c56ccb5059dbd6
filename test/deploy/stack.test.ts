// `docker compose up` without Docker: each service of compose.yaml as a process with its own command, then the demo's calls.
import t from 'tap'
import { lessons } from '../../src/demo/lessons.ts'
import { ownTokens } from '../../src/demo/own-tokens.ts'
import { scriptedLogin } from '../../src/demo/scripted-login.ts'
import { browser } from '../demo/browser.ts'
import { untilOutput } from '../support/command.ts'
import { registerSecret } from '../support/secrets.ts'
import { liveIn } from './place.ts'
import { startStack } from './stack.ts'

// Where a person on this machine finds the parts: the ports that are published, and the IdP by its name.
const urls = { saas: 'http://localhost:3000', gateway: 'http://localhost:8080', idp: 'http://idp.localhost:8081' }

// Five programs one after the other, and a Node for each look at their health: on a busy machine that takes its time.
t.setTimeout(240_000)

t.test('the services start in their order, and the demo holds', { timeout: 240_000 }, async t => {
  const stack = await startStack(t)
  liveIn(stack.place)
  const ada = await scriptedLogin(urls.idp, urls.saas, 'ada')
  const ownToken = ownTokens(urls.idp)
  const tokens = { user: ada.accessToken, id: ada.idToken, saas: await ownToken('saas'), readonly: await ownToken('readonly'), none: undefined }
  for (const [name, token] of Object.entries(tokens)) if (token !== undefined) registerSecret(token, `the token ${name}`)

  for (const { id, token, method, path, body, expect } of lessons) {
    const value = tokens[token]
    const answer = await fetch(`${urls.gateway}${path}`, {
      method,
      headers: { ...value !== undefined && { Authorization: `Bearer ${value}` }, ...body !== undefined && { 'Content-Type': 'application/json' } },
      body: body && JSON.stringify(body)
    })
    const problem = answer.headers.get('content-type')?.includes('problem+json') === true ? (await answer.json() as { type: string }).type : ''
    t.equal(answer.status, expect, id)
    if (id === 'id-token') t.match(problem, /:id-token$/)
    if (id === 'no-scope') t.match(problem, /:scope-missing$/)
    if (id === 'create') t.equal(answer.headers.get('location'), '/addresses/2')
  }
  // The last lesson is one that passes: when its line has come, so have all before it.
  const erp = stack.parts['erp'] ?? t.fail('no ERP') as never
  const passed = lessons.filter(({ expect }) => expect < 400)
  const seen = await untilOutput(erp, () => {
    const lines = erp.stdout.split('\n').filter(line => / by | with /.test(line))
    return lines.length >= passed.length ? lines : undefined
  })
  t.same(seen, passed.map(({ method, path, expect }) => `${method} /erp${path} ${expect} by middleware`), 'the ERP saw what passed, with the gateway\'s own token and no other')
  t.equal((await fetch('http://localhost:8082/erp/status')).status, 401, 'the ERP takes nobody else')

  t.match(await stack.redis('KEYS', '*'), /NOPERM/, 'the gateway\'s user may do no more than it has to')
  const metrics = await (await fetch('http://127.0.0.1:9090/metrics')).text()
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
