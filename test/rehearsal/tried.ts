import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import { tryOut, type Tried } from '../../src/commands/rehearsing.ts'
import { formatMistake } from '../../src/config/mistakes.ts'
import type { Rehearsal } from '../../src/rehearsal/rehearse.ts'
import { writePolicy } from './issuers.ts'

export interface Policy {
  readonly issuers?: object
  readonly routes: readonly object[] | string
  readonly defaults?: object
  /** text, or what is written as JSON, which is YAML too */
  readonly cases: string | { readonly cases: readonly object[], readonly [key: string]: unknown }
}

export const MAIN = { main: { issuer: 'https://id.example.com', audience: 'https://api.example.com' } }

/** Three files in a folder of the test's, tried as the command does. */
export async function tried (t: Test, { issuers = MAIN, routes, defaults, cases }: Policy): Promise<Tried & { readonly lines: readonly string[] }> {
  const files = await writePolicy(t, issuers, routes, defaults)
  const path = join(files.folder, 'routes.test.yaml')
  await writeFile(path, typeof cases === 'string' ? cases : JSON.stringify(cases, undefined, 2))
  const result = await tryOut({ ...files, cases: path })
  return { ...result, lines: result.mistakes.map(mistake => formatMistake(mistake).replaceAll(`${files.folder}/`, '')) }
}

/** What became of files that have no mistake. */
export async function rehearsed (t: Test, policy: Policy): Promise<Rehearsal> {
  const { rehearsal, lines } = await tried(t, policy)
  if (rehearsal === undefined) throw new Error(lines.join('\n'))
  return rehearsal
}
