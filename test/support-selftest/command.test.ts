import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { startNode, untilOutput, type Exit } from '../support/command.ts'
import { tempDir } from '../support/files.ts'

t.test('a process is heard, signalled, measured, and known by how it ended', async t => {
  const dir = await tempDir(t)
  const script = join(dir, 'server.mjs')
  await writeFile(script, `
    console.log(JSON.stringify({ msg: 'listening', env: process.env.GIVEN, node: process.env.NODE_OPTIONS }))
    console.error('to the other side')
    process.on('SIGTERM', () => { console.log('bye'); process.exit(3) })
    setInterval(() => {}, 1000)`)
  const child = startNode(t, [script], { env: { GIVEN: 'yes' } })
  const line = await untilOutput(child, () => child.output.lines()[0])
  t.match(line, { msg: 'listening', env: 'yes' })
  await untilOutput(child, () => child.stderr.includes('other side') || undefined)
  t.ok(await child.memory() > 1024 * 1024)
  child.kill()
  t.same(await child.exited, { code: 3, signal: null })
  t.match(child.stdout, /bye/)
  await t.rejects(untilOutput(child, () => undefined), /ended with 3/)
})

t.test('a process that goes on is killed with its test', async t => {
  let exited: Promise<Exit> | undefined
  await t.test('it goes on', async t => {
    exited = startNode(t, ['-e', 'setInterval(() => {}, 1000)']).exited
  })
  t.same(await exited, { code: null, signal: 'SIGKILL' })
})
