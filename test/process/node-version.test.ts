import { copyFile, mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import t from 'tap'
import { neededNode } from '../../src/commands/package.ts'
import { whyNotOnThisNode, whyNotToStart } from '../../src/commands/runtime.ts'
import { runCommand, startNode } from '../support/command.ts'
import { projectRoot, tempDir } from '../support/files.ts'
import type { TestContext } from '../support/teardown.ts'

/** Arguments of Node that make it call itself another version. */
function pretending (version: string): string[] {
  const script = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })`
  return ['--import', `data:text/javascript,${encodeURIComponent(script)}`]
}

/** The command without the packages that it needs, and without the rest of itself. */
async function copyOfTheFirstStep (t: TestContext): Promise<string> {
  const dir = await tempDir(t, {})
  for (const file of ['package.json', 'dist/src/cli.js', 'dist/src/commands/package.js', 'dist/src/commands/runtime.js']) {
    await mkdir(join(dir, dirname(file)), { recursive: true })
    await copyFile(join(projectRoot, file), join(dir, file))
  }
  return join(dir, 'dist/src/cli.js')
}

t.test('on a Node that is too old every command says so, with status 2', async t => {
  for (const args of [['start'], ['check'], ['--version'], []]) {
    const { code, stdout, stderr } = await runCommand(t, args, { nodeArgs: pretending('18.20.8') })
    t.same([code, stdout], [2, ''], args.join())
    t.ok(stderr.includes('18.20.8') && stderr.includes(neededNode()), stderr)
    t.equal(stderr.trimEnd().split('\n').length, 1)
  }
})

t.test('it says so before any package is loaded', async t => {
  const cli = await copyOfTheFirstStep(t)
  const old = startNode(t, [cli, 'start'], { nodeArgs: pretending('18.20.8') })
  t.same(await old.exited, { code: 2, signal: null })
  t.match(old.stderr, '18.20.8')
  // The copy is one in which nothing else could have been loaded.
  const recent = startNode(t, [cli, 'start'])
  t.same(await recent.exited, { code: 1, signal: null })
  t.match(recent.stderr, 'ERR_MODULE_NOT_FOUND')
})

t.test('which versions are too old, and which deserve a word', async t => {
  t.match(neededNode(), /^\d+\.\d+\.\d+$/, 'engines names one least version')
  const versions = { '18.20.8': 'old', '20.9.9': 'old', '20.20.1': 'old', '20.20.2': 'good', '20.21.0': 'good', '22.9.0': 'holes', '22.22.1': 'holes', '22.22.2': 'good', '24.14.0': 'holes', '24.14.1': 'good', '21.7.3': 'holes', '23.11.1': 'holes', '25.8.1': 'holes', '25.8.2': 'good', '26.1.0-nightly': 'good' }
  for (const [version, wanted] of Object.entries(versions)) {
    const { refusal, warning } = whyNotToStart(version, {})
    const got = whyNotOnThisNode(version, '20.20.2') !== undefined ? 'old' : warning !== undefined ? 'holes' : 'good'
    t.same([got, refusal], [wanted, undefined], version)
  }
})

t.test('what would print the password of the store, or send secrets to anyone, is no surrounding to start in', async t => {
  for (const [env, forbidden] of [
    [{ DEBUG: '*' }, true], [{ DEBUG: 'ioredis:*' }, true], [{ DEBUG: 'koa,ioredis:redis' }, true], [{ DEBUG: 'koa *' }, true], [{ NODE_TLS_REJECT_UNAUTHORIZED: '0' }, true],
    [{ DEBUG: '' }, false], [{ DEBUG: 'koa:*' }, false], [{}, false]
  ] satisfies ReadonlyArray<[NodeJS.ProcessEnv, boolean]>) t.equal(whyNotToStart('24.14.1', env).refusal !== undefined, forbidden, JSON.stringify(env))
})
