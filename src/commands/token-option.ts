import { readFile } from 'node:fs/promises'
import { text as readAll } from 'node:stream/consumers'
import { CommandError } from './failure.ts'

/** `@file`, `-` for standard input, or the token itself; a Bearer in front of it and white space around it do not count. */
export async function readToken (option: string): Promise<string> {
  const written = option === '-' ? await readAll(process.stdin) : option.startsWith('@') ? await readText(option.slice(1)) : option
  return written.trim().replace(/^Bearer +/i, '')
}

/** @throws {CommandError} */
export async function readText (file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch {
    throw new CommandError(`${file} cannot be read`)
  }
}
