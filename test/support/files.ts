import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { tearDown, type TestContext } from './teardown.ts'

/** The folder with package.json: the compiled tests run from dist/test, the assets stay where they are. */
export const projectRoot = findRoot(dirname(fileURLToPath(import.meta.url)))

/** A folder of its own for this test, with these files (name → text) in it; gone afterwards. */
export async function tempDir (t: TestContext, files: Readonly<Record<string, string>> = {}): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'countersign-test-'))
  tearDown(t, async () => await rm(dir, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(dir, name)), { recursive: true })
    await writeFile(join(dir, name), text)
  }
  return dir
}

function findRoot (from: string): string {
  if (existsSync(join(from, 'package.json'))) return from
  const above = dirname(from)
  if (above === from) throw new Error('no package.json above the tests')
  return findRoot(above)
}
