import { readFileSync } from 'node:fs'

let read: string | undefined

/** That of the package: read when it is first asked for. */
export function version (): string {
  return (read ??= (JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as { readonly version: string }).version)
}
