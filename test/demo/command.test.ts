import { execFileSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { openSite } from '../../src/demo/site.ts'
import { runCommand, startCommand, startNode, untilOutput } from '../support/command.ts'
import { projectRoot } from '../support/files.ts'
import { tearDown, type TestContext } from '../support/teardown.ts'

interface Shown {
  readonly urls: Readonly<Record<'saas' | 'gateway' | 'admin' | 'idp' | 'erp', string>>
  readonly tokens: Readonly<Record<string, string>>
  readonly calls: ReadonlyArray<{ readonly id: string, readonly expect: number, readonly curl: string }>
}

/** The demo as a process, from another folder than the project's. */
async function start (t: TestContext, args: readonly string[] = []) {
  const demo = startCommand(t, ['demo', '--json', ...args], { cwd: tmpdir(), printsTokens: true })
  return { demo, ...await untilOutput(demo, () => readShown(demo.stdout)) }
}

function readShown (stdout: string): Shown | undefined {
  // The demo's own JSON, of the shape above; it is whole once its last line has come.
  return stdout.endsWith('\n}\n') ? JSON.parse(stdout) as Shown : undefined
}

/** The words of a command, as bash makes them of the line; nothing else may happen in it. */
function wordsOf (line: string): string[] {
  const words = execFileSync('bash', ['-uc', `set -f; curl () { printf '%s\\0' "$@"; }; PATH=/nowhere\n${line}`], { encoding: 'utf8' })
  return words.split('\0').slice(0, -1)
}

async function paste (line: string): Promise<Response> {
  const words = wordsOf(line)
  const after = (flag: string) => words.flatMap((word, index) => word === flag ? [words[index + 1] ?? ''] : [])
  const url = words.find((word) => word.startsWith('http://')) ?? ''
  const headers = after('-H').map((header): [string, string] => [header.slice(0, header.indexOf(':')), header.slice(header.indexOf(':') + 1).trim()])
  return await fetch(url, { method: after('-X')[0], headers, body: after('-d')[0] })
}

/** Does nobody listen there any more, within 20 seconds? */
async function untilGone (url: string): Promise<boolean> {
  for (let attempt = 0; attempt < 400; attempt++) {
    if (await gone(url)) return true
    await sleep(50)
  }
  return false
}

const gone = async (url: string) => await fetch(url).then(() => false, () => true)

t.test('every curl line is one whole command, and is answered as the demo says', async (t) => {
  const { calls, urls, demo } = await start(t)
  t.same(calls.map(({ id, expect }) => [id, expect]), [['create', 201], ['update', 200], ['no-scope', 403], ['id-token', 401], ['no-token', 401]])
  const answers = new Map<string, Response>()
  for (const { id, expect, curl } of calls) {
    t.notMatch(curl, /\n|\$|\||#/, 'no variables, pipes or comments')
    const answer = await paste(curl)
    t.equal(answer.status, expect, id)
    answers.set(id, answer)
  }
  t.equal(new URL(answers.get('create')?.headers.get('location') ?? '', urls.gateway).href, `${urls.gateway}/addresses/2`)
  t.match(await answers.get('update')?.json(), { id: '1', verified: true })
  t.match(answers.get('no-scope')?.headers.get('www-authenticate'), /error="insufficient_scope".*scope="write:address"|scope="write:address".*error="insufficient_scope"/)
  t.match(await answers.get('id-token')?.json(), { type: /id-token$/ })
  t.notMatch(answers.get('no-token')?.headers.get('www-authenticate'), /error=/)
  t.equal((await fetch(`${urls.erp}/status`)).status, 401, 'the ERP takes nobody but the gateway')
  t.equal(demo.stderr, '')
})

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  t.test(`${signal} ends all of it, with exit status 0`, async (t) => {
    const { demo, urls } = await start(t)
    demo.kill(signal)
    demo.kill(signal) // npm passes on what the terminal sent already
    t.same(await demo.exited, { code: 0, signal: null })
    for (const url of Object.values(urls)) t.ok(await gone(url), url)
  })
}

t.test('a demo that is killed outright leaves no gateway behind', async (t) => {
  const { demo, urls } = await start(t)
  demo.kill('SIGKILL')
  await demo.exited
  t.ok(await untilGone(urls.admin))
  t.ok(await untilGone(urls.gateway))
})

t.test('when npm is told to end, the shell between them ends alone, and the demo follows', async (t) => {
  // What `npm run` does: a shell that stays, and a signal for the shell only. Node stands in for it here.
  const shell = `const { spawn } = require('node:child_process')
    spawn(process.execPath, ${JSON.stringify([join(projectRoot, 'dist/src/cli.js'), 'demo', '--json'])}, { stdio: 'inherit' })`
  const npm = startNode(t, ['-e', shell], { env: { npm_lifecycle_event: 'demo' }, printsTokens: true })
  const { urls } = await untilOutput(npm, () => readShown(npm.stdout))
  npm.kill('SIGKILL')
  t.ok(await untilGone(urls.saas))
  t.ok(await untilGone(urls.admin))
})

t.test('a gateway that crashes ends the demo', async (t) => {
  const { demo, urls } = await start(t)
  const [child] = (await readFile(`/proc/${demo.pid}/task/${demo.pid}/children`, 'utf8')).trim().split(' ')
  process.kill(Number(child), 'SIGKILL')
  t.same(await demo.exited, { code: 1, signal: null })
  t.match(demo.stderr, /gateway/i)
  t.ok(await gone(urls.saas))
})

t.test('ports are the ones that were asked for, or a plain refusal', async (t) => {
  const taken = await openSite('', 0)
  tearDown(t, () => taken.close())
  const { port } = new URL(taken.url)
  for (const option of ['--port', '--idp-port', '--erp-port', '--gateway-port']) {
    const { code, stdout, stderr } = await runCommand(t, ['demo', option, port], { printsTokens: true })
    t.equal(code, 1, option)
    t.match(stderr, option)
    t.match(stderr, port)
    t.equal(stdout, '')
  }
  const free = await openSite('', 0)
  await free.close()
  const { urls } = await start(t, ['--gateway-port', new URL(free.url).port])
  t.equal(urls.gateway, free.url)
  t.equal((await runCommand(t, ['demo', '--port', '70000'])).code, 2)
})

t.test('without the optional oidc-provider the demo says what to install', async (t) => {
  const resolve = `export const resolve = (name, context, next) => {
    if (name === 'oidc-provider') throw Object.assign(new Error('not there'), { code: 'ERR_MODULE_NOT_FOUND' })
    return next(name, context)
  }`
  const hook = `import { register } from 'node:module'; register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(resolve)}`)})`
  const { code, stderr } = await runCommand(t, ['demo'], { nodeArgs: ['--import', `data:text/javascript,${encodeURIComponent(hook)}`] })
  t.equal(code, 1)
  t.match(stderr, /npm install --include=optional/)
  t.notMatch(stderr, /\n {4}at /, 'no stack')
})

t.test('for a reader, the lines are plain text where the output is no terminal', async (t) => {
  const demo = startCommand(t, ['demo'], { printsTokens: true })
  const gateway = await untilOutput(demo, () => /Gateway +(http:\S+)/.exec(demo.stdout.includes('Ctrl-C') ? demo.stdout : '')?.[1])
  t.notMatch(demo.stdout, /\u001b/)
  t.equal(demo.stdout.match(/^curl -i -X /gm)?.length, 5)
  await fetch(`${gateway}/addresses`)
  await untilOutput(demo, () => demo.stdout.includes('credential-missing') || undefined)
})
