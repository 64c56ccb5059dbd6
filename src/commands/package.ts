import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { dirname, join } from 'node:path'

/** The folder that holds package.json, routes.yaml and config/: two above the compiled commands' own. */
const packageRoot = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..')

export function packageVersion (): string {
  const described: unknown = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8'))
  return typeof described === 'object' && described !== null && 'version' in described ? String(described.version) : ''
}
