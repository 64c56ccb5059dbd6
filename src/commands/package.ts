import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { dirname, join } from 'node:path'

/** The folder that holds package.json, routes.yaml and config/: two above the compiled commands' own. */
const packageRoot = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..')

export function packageVersion (): string {
  const { version } = described()
  return typeof version === 'string' ? version : ''
}

/** The oldest Node that it runs on, from `engines`: `20.20.2`. */
export function neededNode (): string {
  // A package.json without engines would be a mistake of ours, which test/process would show.
  const { node } = described()['engines'] as { readonly node: string }
  return node.replace('>=', '')
}

function described (): Readonly<Record<string, unknown>> {
  // What stands in package.json is an object.
  return JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as Readonly<Record<string, unknown>>
}
