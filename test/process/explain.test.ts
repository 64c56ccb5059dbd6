import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { runCommand } from '../support/command.ts'
import { startErp } from '../support/erp.ts'
import { startGateway } from '../support/gateway.ts'
import { startIdp } from '../support/idp.ts'
import { registerSecret } from '../support/secrets.ts'
import { standardGateway, writeFiles } from '../support/settings.ts'
import type { TestContext } from '../support/teardown.ts'

// Each forks a process, and mostly waits for it.
t.jobs = 2

const routes = [{ match: 'GET /a/:id', require: ['user', { client: { scope: 'read:a' } }] }, { match: 'PUT /a/:id', require: { client: { scope: 'write:a' } } }, { match: 'GET /a/*', require: 'user' }]

async function scene (t: TestContext) {
  const idp = await startIdp(t)
  const erp = await startErp(t)
  const files = await writeFiles(t, { gateway: standardGateway({ idp, erp }), routes })
  const paths = ['--config', files.config, '--routes', files.routes]
  return { idp, erp, ...files, run: async (command: string, ...more: string[]) => await runCommand(t, [command, ...paths, ...more]) }
}

t.test('explain verifies a token as the gateway does, says what failed, and never shows it', { buffered: true, timeout: 100_000 }, async t => {
  const { idp, erp, dir, run } = await scene(t)
  const token = registerSecret(idp.mintClient({ scope: 'read:a' }), 'the token that is asked about')
  await writeFile(join(dir, 'token.jwt'), `Bearer ${token}\n`)
  const good = await run('explain', 'get', '/a/17', '--token', `@${join(dir, 'token.jwt')}`)
  t.match(good, { code: 0, stderr: '' })
  t.match(good.stdout, /would pass[^]*signature[^]*authorization: \(the gateway's own credential\)/)
  const refused = await run('explain', 'PUT', '/a/17', '--token', `@${join(dir, 'token.jwt')}`, '--json')
  t.equal(refused.code, 1)
  t.match(JSON.parse(refused.stdout), { passes: false, status: 403, code: 'scope-missing', rule: { name: 'PUT /a/:id' }, principal: { kind: 'client' } })
  await writeFile(join(dir, 'forged.jwt'), `${token.slice(0, -6)}AAAAAA`)
  const forged = await run('explain', 'GET', '/a/17', '--token', `@${join(dir, 'forged.jwt')}`)
  t.equal(forged.code, 1)
  t.match(forged.stdout, /token-invalid[^]*✗ signature/)
  t.equal(erp.requests.length, 0)
  t.equal(idp.requests.token, 0, 'and no machine token was asked for')
})

t.test('claims are explained without a signature, which it says; a claim cannot write on the terminal', { buffered: true, timeout: 100_000 }, async t => {
  const { idp, dir, run } = await scene(t)
  await writeFile(join(dir, 'claims.json'), JSON.stringify({ iss: idp.issuer, aud: 'https://api.example.com', sub: 'u\u001b[2Jx\u202e', client_id: 'saas', auth_time: 1, acr: '1', exp: 4e9, iat: 1 }))
  const { code, stdout } = await run('explain', 'GET', '/a/17', '--claims', join(dir, 'claims.json'))
  t.equal(code, 1)
  t.match(stdout, /No signature was checked/)
  t.notMatch(stdout, /[\u001b\u202e]/)
})

t.test('what cannot be asked is told in one line, with status 2', { buffered: true, timeout: 100_000 }, async t => {
  const { dir, run } = await scene(t)
  await writeFile(join(dir, 'none.json'), 'none')
  for (const words of [['GET'], ['GET', '/a', '--token', '@/nowhere'], ['GET', '/a', '--claims', join(dir, 'none.json')], ['GET', '/a', '-H', 'nonsense']]) {
    const { code, stdout, stderr } = await run('explain', ...words)
    t.equal(code, 2, words.join(' '))
    t.equal(stdout, '')
    t.notMatch(stderr, /at .*\.js/)
  }
})

t.test('a past refusal is explained by its decision', { buffered: true, timeout: 100_000 }, async t => {
  const idp = await startIdp(t)
  const erp = await startErp(t)
  const gateway = await startGateway(t, { idp, erp, routes })
  const refused = await gateway.call({ path: '/a/17', token: idp.mintIdToken() })
  const admin = ['--admin', `http://127.0.0.1:${gateway.adminPort}`]
  const told = await runCommand(t, ['explain', '--decision', refused.problem?.decision ?? '', ...admin])
  t.equal(told.code, 1)
  t.match(told.stdout, /id-token[^]*→[^]*ID token/)
  t.match(await runCommand(t, ['explain', '--decision', 'none', ...admin]), { code: 2, stdout: '' })
  t.match(await runCommand(t, ['explain', '--decision', 'none', '--admin', 'http://127.0.0.1:1']), { code: 2, stderr: /does not answer/ })
})

t.test('routes lists the rules, and says which one a request meets', { buffered: true, timeout: 100_000 }, async t => {
  const { run } = await scene(t)
  const { code, stdout } = await run('routes')
  t.equal(code, 0)
  t.match(stdout, /GET +\/a\/:id +a user of main, or a client of main with scope read:a +erp +.*routes\.yaml:2/)
  const met = await run('routes', '--check', 'GET', '/a/17', '--json')
  t.match({ code: met.code, ...JSON.parse(met.stdout) as object }, { code: 0, rule: { path: '/a/:id' }, others: [{ methods: 'PUT' }, { path: '/a/*' }] })
  t.match(await run('routes', '--check', 'DELETE', '/a/17'), { code: 1, stdout: /405 method-not-allowed/ })
  t.match(await run('routes', '--check', 'GET', '/b'), { code: 1, stdout: /404 route-not-found/ })
  t.match(await run('routes', '--check', 'GET'), { code: 2, stdout: '' })
})

t.test('check says each rule as a sentence, and what a change opens, wider ones first', { buffered: true, timeout: 100_000 }, async t => {
  const { dir, run } = await scene(t)
  t.match(await run('check'), { code: 0, stdout: /GET \/a\/:id: a user of main, or a client of main with scope read:a/ })
  await writeFile(join(dir, 'before.yaml'), 'routes:\n  - match: GET /a/:id\n    require: user|client\n  - match: PUT /a/:id\n    require: client\n')
  const { code, stdout } = await run('check', '--against', join(dir, 'before.yaml'))
  t.equal(code, 0)
  t.match(stdout, /lets in more:[^]*\/a\/\*[^]*lets in fewer:[^]*PUT \/a\/:id[^]*was: a client of main\n *now: a client of main with scope write:a/)
  t.match(await run('check', '--against', join(dir, 'nowhere.yaml')), { code: 2 })
})
