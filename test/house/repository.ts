import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The repository's folder, seen from where this file runs: dist/test/house. */
export const root = fileURLToPath(new URL('../../../', import.meta.url))

/** The text of a file, its path relative to the repository. */
export function read (path: string): string {
  return readFileSync(join(root, path), 'utf8')
}

/** The JSON object in a file. */
export function readJson (path: string): Readonly<Record<string, unknown>> {
  const value: unknown = JSON.parse(read(path))
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`${path} is no JSON object`)
  // What is an object and no array has string keys.
  return value as Readonly<Record<string, unknown>>
}

/** The files below a folder whose names match, sorted, relative to the repository; none where there is no such folder. */
export function filesIn (folder: string, name: RegExp): string[] {
  if (!existsSync(join(root, folder))) return []
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && name.test(entry.name))
    .map(entry => join(entry.parentPath, entry.name).slice(root.length))
    .sort()
}
