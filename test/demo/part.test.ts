import t from 'tap'
import { openSite } from '../../src/demo/site.ts'
import { runCommand, startCommand, untilOutput } from '../support/command.ts'
import { tearDown } from '../support/teardown.ts'

t.test('a part by itself serves as the URL that it was told, and ends by a signal', async t => {
  const free = await openSite('', 0)
  await free.close()
  const { port } = new URL(free.url)
  const idp = startCommand(t, ['demo', '--only', 'idp', '--idp-port', port, '--idp-url', 'http://idp.example:8081', '--saas-url', 'http://127.0.0.1:9'])
  await untilOutput(idp, () => idp.stdout.includes('serves') || undefined)
  const metadata = await (await fetch(`${free.url}/.well-known/openid-configuration`)).json() as { issuer: string }
  t.equal(metadata.issuer, 'http://idp.example:8081')
  idp.kill()
  t.same(await idp.exited, { code: 0, signal: null })
  t.equal(idp.stderr, '')
})

t.test('the ERP by itself says what it saw, and shows no token', async t => {
  const erp = startCommand(t, ['demo', '--only', 'erp', '--erp-port', '0', '--idp-url', 'http://127.0.0.1:9'])
  const url = await untilOutput(erp, () => /serves as (\S+)\./.exec(erp.stdout)?.[1])
  t.equal((await fetch(`${url}/erp/status`, { headers: { Authorization: 'Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.c2ln' } })).status, 401)
  const line = await untilOutput(erp, () => /^GET .*$/m.exec(erp.stdout)?.[0])
  t.match(line, /^GET \/erp\/status 401 .*authorization$/)
  t.notMatch(erp.stdout, 'eyJ')
})

t.test('a part that cannot start says why, in one line', async t => {
  const taken = await openSite('', 0)
  tearDown(t, () => taken.close())
  const { port } = new URL(taken.url)
  for (const [args, why] of [
    [['--only', 'erp', '--erp-port', port, '--idp-url', taken.url], '--erp-port'],
    [['--only', 'erp', '--host', '192.0.2.1', '--idp-url', taken.url], '--host'],
    [['--only', 'saas', '--idp-url', 'http://127.0.0.1:9', '--gateway-url', 'http://127.0.0.1:9'], 'IdP']
  ] as const) {
    const { code, stdout, stderr } = await runCommand(t, ['demo', ...args])
    t.same([code, stdout, stderr.trimEnd().split('\n').length], [1, '', 1], args.join(' '))
    t.match(stderr, why)
  }
})

t.test('options that do not fit are bad usage', async t => {
  for (const [args, why] of [
    [['--only', 'saas', '--idp-url', 'http://127.0.0.1:1'], '--gateway-url'],
    [['--only', 'erp', '--idp-url', 'http://127.0.0.1:1/'], '--idp-url'],
    [['--host', '127.0.0.1'], '--only']
  ] as const) {
    const { code, stdout, stderr } = await runCommand(t, ['demo', ...args])
    t.same([code, stdout], [2, ''], args.join(' '))
    t.match(stderr, why)
  }
})
