import { join } from 'node:path'
import type { Test } from 'tap'
import { loadConfiguration } from '../../src/config/load.ts'
import { root } from '../house/repository.ts'

/** The configuration in a folder, as `check` reads it; asserts that there is no error, and no warning but of secrets that are elsewhere. */
export async function errorsOf (t: Test, folder: string) {
  const { configuration, mistakes } = await loadConfiguration({
    config: join(root, folder, 'gateway.yaml'), routes: join(root, folder, 'routes.yaml')
  }, {}, { secrets: 'optional' })
  t.same(mistakes.filter(({ message }) => !message.includes('the file cannot be read (ENOENT)')).map(({ severity, path, message }) => `${severity} ${path}: ${message}`), [])
  t.ok(configuration, 'the files make a gateway')
  return configuration ?? { gateway: undefined }
}
