import t from 'tap'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { root } from './repository.ts'

const secret = 'a secret: with "signs" + spaces/slashes'
const jwt = ['eyJhbGciOiJSUzI1NiJ9', 'eyJzdWIiOiJ1c2VyIn0', 'c2lnbmF0dXJlLXNpZ25hdHVyZS1zaWduYXR1cmUtc2lnbmF0dXJl'].join('.')

const leaks: Readonly<Record<string, string>> = {
  'as it is': secret,
  'in JSON': JSON.stringify({ password: secret }),
  'in a query': `?client_secret=${encodeURIComponent(secret)}&a=b`,
  'in a form': new URLSearchParams({ secret }).toString(),
  'in Basic, after a short name': Buffer.from(`a:${secret}`).toString('base64'),
  'in Basic, after a longer name': Buffer.from(`ab:${secret}`).toString('base64'),
  'in Basic, after a still longer name': Buffer.from(`abc:${secret}`).toString('base64'),
  'in base64url': Buffer.from(secret).toString('base64url'),
  'a whole token': jwt,
  'the end of a token': jwt.slice(-40),
  'a token that nobody listed': 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJzb21lYm9keSBlbHNlIn0.'
}

for (const [name, leak] of Object.entries(leaks)) {
  t.test(`a secret in a log is found: ${name}`, async t => {
    const { status, stdout } = grep(t.testdir({
      'one.log': '{"level":30,"msg":"listening"}\n',
      'two.log': `{"level":10}\nheaders ${leak} more\n`,
      'two.secrets': `${secret}\n${jwt}\n`
    }))
    t.equal(status, 1)
    t.match(stdout, /two\.log:2 holds a secret/)
    t.notOk(stdout.includes(leak), 'and is not printed')
    t.notMatch(stdout, / 0 found/)
  })
}

t.test('logs without a secret pass, and are counted', async t => {
  const { status, stdout } = grep(t.testdir({
    'one.log': '{"level":30,"msg":"listening"}\n',
    deep: { 'two.log': 'client_secret [redacted]\n' },
    'one.secrets': `${secret}\n`,
    'two.secrets': `${secret}\n${jwt}\n`
  }))
  t.equal(status, 0)
  t.equal(stdout, 'log grep: 2 files, 2 secrets, 0 found\n')
})

t.test('a secret too short to be told from other words is no pass', async t => {
  t.equal(grep(t.testdir({ 'one.log': 'x\n', 'one.secrets': 'short\n' })).status, 1)
})

function grep (folder: string): { readonly status: number | null, readonly stdout: string } {
  return spawnSync(process.execPath, [join(root, 'scripts/log-grep.mjs'), folder], { encoding: 'utf8' })
}
