import { readFile, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { inspect } from 'node:util'
import { isObject } from './objects.ts'

const PLACEHOLDER = '[secret]'
const MAX_BYTES = 64 * 1024

/** A value that no print, log or JSON shows; only `reveal` gives it. */
export class Secret {
  readonly #value: string | undefined

  /** @param value left out where the secret is missing: `reveal` then throws */
  constructor (value?: string) {
    this.#value = value
  }

  /** false where it was missing when the configuration was loaded */
  get isThere (): boolean {
    return this.#value !== undefined
  }

  /** @throws {Error} where the secret was missing when the configuration was loaded */
  reveal (): string {
    if (this.#value === undefined) throw new Error('this secret is missing')
    return this.#value
  }

  toString (): string { return PLACEHOLDER }
  toJSON (): string { return PLACEHOLDER }
  [inspect.custom] (): string { return PLACEHOLDER }
  [Symbol.toPrimitive] (): string { return PLACEHOLDER }
}

/** A secret that was found; or one that is not there (which `check` forgives); or one that can never serve. */
export type SecretResult =
  | { readonly secret: Secret }
  | Problem

export interface Problem {
  readonly problem: string
  readonly missing: boolean
}

/** What is known of the surroundings of a notation. */
export interface TextAround {
  /** relative paths start there */
  readonly folder: string
  readonly env: NodeJS.ProcessEnv
  /** hears the absolute path of a file before it is read */
  readonly onRead: (file: string) => void
}

/**
 * Reads a secret written as text, `{ file }` (less one final newline) or `{ env }`.
 * @returns undefined where it is written in no such way. No problem's text holds any part of a secret.
 */
export async function readSecret (notation: unknown, around: TextAround): Promise<SecretResult | undefined> {
  const read = await readText(notation, around, MAX_BYTES)
  return read === undefined || 'problem' in read ? read : checked(read.isFile ? read.text.replace(/\r?\n$/, '') : read.text)
}

/**
 * Reads what is written as text, `{ file }` or `{ env }`.
 * @param most bytes of a file
 * @returns undefined where it is written in no such way
 */
export async function readText (notation: unknown, { folder, env, onRead }: TextAround, most: number): Promise<{ readonly text: string, readonly isFile: boolean } | Problem | undefined> {
  if (typeof notation === 'string') return { text: notation, isFile: false }
  if (!isObject(notation) || Object.keys(notation).length !== 1) return undefined
  if (typeof notation.env === 'string' && /^[A-Za-z_][A-Za-z0-9_]*$/.test(notation.env)) {
    const value = Object.hasOwn(env, notation.env) ? env[notation.env] : undefined
    return value === undefined ? { problem: `the environment has no ${notation.env}`, missing: true } : { text: value, isFile: false }
  }
  if (typeof notation.file === 'string' && notation.file !== '') {
    const file = resolve(folder, notation.file)
    onRead(file)
    return await fromFile(file, most)
  }
  return undefined
}

function checked (value: string): SecretResult {
  if (value.trim() === '') return { problem: 'the secret is empty', missing: false }
  if (/[\0-\x1f\x7f]/.test(value)) return { problem: 'the secret holds a line break or a control character', missing: false }
  return { secret: new Secret(value) }
}

async function fromFile (path: string, most: number): Promise<{ readonly text: string, readonly isFile: true } | Problem> {
  try {
    const about = await stat(path)
    if (!about.isFile()) return { problem: 'this is no plain file', missing: true }
    if (about.size > most) return { problem: `the file is larger than ${most / 1024} KiB`, missing: false }
    return { text: await readFile(path, 'utf8'), isFile: true }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : ''
    return { problem: `the file cannot be read${code}`, missing: true }
  }
}
