import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

export interface TextFile {
  readonly path: string
  readonly text: string
}

/** A file stands in the way, or cannot be written. */
export class WriteError extends Error {
  override readonly name = 'WriteError'
}

/**
 * Writes all of the files, or none: each beside its place first, then each into its place, which takes what may fail away.
 * @param force whether one that is there is replaced
 * @param check looks at the files beside their places, in the same order, and throws where they are not to be written
 * @throws {WriteError}
 */
export async function writeFiles (files: readonly TextFile[], { force, check }: { readonly force: boolean, readonly check: (paths: readonly string[]) => Promise<void> }): Promise<void> {
  if (!force) for (const { path } of files) if (await contentOf(path) !== undefined) throw inTheWay(path)
  const drafts: string[] = []
  try {
    for (const { path, text } of files) drafts.push(await draft(path, text))
    await check(drafts)
    await putAll(files, drafts, force)
  } finally {
    for (const path of drafts) await rm(path, { force: true })
  }
}

async function draft (path: string, text: string): Promise<string> {
  const beside = join(dirname(path), `.${basename(path)}.${process.pid}.new`)
  try {
    await mkdir(dirname(path), { recursive: true })
    await writeFile(beside, text, { flag: 'wx' })
    return beside
  } catch (error) {
    throw unwritable(path, error)
  }
}

async function putAll (files: readonly TextFile[], drafts: readonly string[], force: boolean): Promise<void> {
  const done: Array<{ readonly path: string, readonly before: Buffer | undefined }> = []
  try {
    for (const [at, { path }] of files.entries()) {
      const before = force ? await contentOf(path) : undefined
      await put(path, drafts[at] ?? '', force)
      done.push({ path, before })
    }
  } catch (error) {
    for (const { path, before } of done) before === undefined ? await rm(path, { force: true }) : await writeFile(path, before)
    throw error
  }
}

async function put (path: string, from: string, force: boolean): Promise<void> {
  try {
    // A link is made only where nothing stands, whoever else writes at this moment.
    await (force ? rename(from, path) : link(from, path))
  } catch (error) {
    throw codeOf(error) === 'EEXIST' ? inTheWay(path) : unwritable(path, error)
  }
}

async function contentOf (path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw unwritable(path, error)
  }
}

function inTheWay (path: string): WriteError {
  return new WriteError(`${path} is there already: nothing was written; say --force to replace it`)
}

function unwritable (path: string, error: unknown): WriteError {
  return new WriteError(`${path} cannot be written (${codeOf(error)}): nothing was written`)
}

function codeOf (error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
}
