import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { projectRoot, tempDir } from '../support/files.ts'

/** Every file of a folder, by its path in it. */
async function filesOf (folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const paths = entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name)).sort()
  return Object.fromEntries(await Promise.all(paths.map(async path => [path.slice(folder.length + 1), await readFile(path, 'utf8')] as const)))
}

t.test('the page that is served is what its sources make, byte for byte, and it ships', async t => {
  const again = await tempDir(t)
  await promisify(execFile)(process.execPath, ['node_modules/vite/bin/vite.js', 'build', 'console', '--outDir', again, '--logLevel=warn'], { cwd: projectRoot })
  const [served, built] = [await filesOf(join(projectRoot, 'dist/page')), await filesOf(again)]
  t.same(Object.keys(served), Object.keys(built))
  for (const [path, text] of Object.entries(built)) t.ok(served[path] === text, path)
  t.ok(Object.values(built).reduce((sum, text) => sum + text.length, 0) < 200 * 1024, 'and small')
  for (const name of ['preact', 'uplot']) t.match(built['licenses.md'], new RegExp(`^## ${name} - .*MIT`, 'm'), 'with the licences of what is built in')
  const { files } = JSON.parse(await readFile(join(projectRoot, 'package.json'), 'utf8')) as { readonly files: readonly string[] }
  t.ok(files.includes('dist/page'))
})
