import { readFile } from 'node:fs/promises'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { startNode } from '../support/command.ts'
import { projectRoot, tempDir } from '../support/files.ts'
import { startIdp } from '../support/idp.ts'
import { assertNoSecrets, registerSecret } from '../support/secrets.ts'

t.test('a secret is found however it is spelled', async t => {
  const secret = registerSecret('s€cret "p-ss" w0rd/+')
  const spelled = {
    plain: secret,
    json: JSON.stringify({ msg: secret }),
    url: `?x=${encodeURIComponent(secret)}`,
    form: new URLSearchParams({ x: secret }).toString().replace('%22p-ss%22', '%22p%2Dss%22'),
    basic: Buffer.from(`middleware:${secret}`).toString('base64'),
    shifted: Buffer.from(`a${secret}z`).toString('base64url'),
    shiftedTwice: Buffer.from(`ab${secret}yz`).toString('base64')
  }
  for (const [how, text] of Object.entries(spelled)) t.throws(() => { assertNoSecrets(`{"level":10}\n{"x":"${text}"}`) }, how)
  t.doesNotThrow(() => { assertNoSecrets('{"level":10,"msg":"secret word p-ss"}') })
})

t.test('a token is found whole, cut off, and in base64; so is one that nobody registered', async t => {
  const idp = await startIdp(t)
  const token = idp.mint()
  const [, payload = '', signature = ''] = token.split('.')
  for (const text of [token, token.slice(0, 100), `{"sig":"${signature}"}`, payload, `x=${Buffer.from(`Bearer ${token}`).toString('base64')}`]) {
    t.throws(() => { assertNoSecrets(text) })
  }
  t.throws(() => { assertNoSecrets('got eyJhbGciOiJub25lIn0.eyJpc3MiOiJ4In0.') })
  t.throws(() => { assertNoSecrets(`secret ${idp.clients['middleware']?.secret}`) })
  t.doesNotThrow(() => { assertNoSecrets(`kid ${idp.keys.current.kid} sub user-1 iss ${idp.issuer}`) })
})

t.test('only the secrets that are given count, where some are', async t => {
  t.throws(() => { assertNoSecrets('here is something', ['something']) })
  t.doesNotThrow(() => { assertNoSecrets('here is something', ['nothing-at-all']) })
  t.throws(() => registerSecret('short'))
})

t.test('a log with a token in it fails its test, closes what is open, and is there for the suite', async t => {
  const dir = await tempDir(t)
  const fixture = join(projectRoot, 'dist/test/support-selftest/fixtures/leaks-a-token.js')
  const run = (mode: string) => startNode(t, [fixture, mode], { env: { COUNTERSIGN_TEST_LOG_DIR: dir }, printsTokens: true })
  t.match(await run('clean').exited, { code: 0 })
  t.match(await run('leak').exited, { code: 1 })
  const texts = await Promise.all(readdirSync(dir).sort().map(async name => [name, await readFile(join(dir, name), 'utf8')] as const))
  const logs = texts.filter(([name]) => name.endsWith('.log')).map(([, text]) => text)
  const needles = texts.filter(([name]) => name.endsWith('.secrets')).flatMap(([, text]) => text.trim().split('\n'))
  t.equal(logs.length, 2)
  t.equal(logs.filter(text => needles.some(needle => text.includes(needle))).length, 1)
})
