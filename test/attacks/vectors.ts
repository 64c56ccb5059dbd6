import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../house/repository.ts'

/** Where the third-party vectors are, seen from the project: they are data, and no part of it. */
const BESIDE_THE_PROJECT = '../shared/vectors'

/** The folder of one set of third-party vectors; undefined where this machine does not have it. COUNTERSIGN_VECTORS names another place. */
export function vectorsFolder (name: string): string | undefined {
  const folder = join(process.env['COUNTERSIGN_VECTORS'] ?? join(root, BESIDE_THE_PROJECT), name)
  return existsSync(folder) ? folder : undefined
}

/**
 * The options of a test that needs these vectors: where they are absent it is left out, and the run's report names it,
 * counts it and says why.
 */
export function needsVectors (name: string): { readonly skip: string | false } {
  const skip = vectorsFolder(name) === undefined && `not run: the third-party vectors "${name}" are not on this machine (COUNTERSIGN_VECTORS names their folder)`
  return { skip }
}
