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
  | { readonly problem: string, readonly missing: boolean }

/**
 * Reads a secret written as text, `{ file }` (less one final newline; relative to `folder`) or `{ env }`.
 * @param onRead hears the absolute path of a file before it is read
 * @returns undefined where it is written in no such way. No problem's text holds any part of a secret.
 */
export async function readSecret (notation: unknown, folder: string, env: NodeJS.ProcessEnv, onRead: (file: string) => void): Promise<SecretResult | undefined> {
  if (typeof notation === 'string') return checked(notation)
  if (!isObject(notation) || Object.keys(notation).length !== 1) return undefined
  if (typeof notation.env === 'string' && /^[A-Za-z_][A-Za-z0-9_]*$/.test(notation.env)) {
    const value = Object.hasOwn(env, notation.env) ? env[notation.env] : undefined
    return value === undefined ? { problem: `the environment has no ${notation.env}`, missing: true } : checked(value)
  }
  if (typeof notation.file === 'string' && notation.file !== '') {
    const file = resolve(folder, notation.file)
    onRead(file)
    return await fromFile(file)
  }
  return undefined
}

function checked (value: string): SecretResult {
  if (value.trim() === '') return { problem: 'the secret is empty', missing: false }
  if (/[\0-\x1f\x7f]/.test(value)) return { problem: 'the secret holds a line break or a control character', missing: false }
  return { secret: new Secret(value) }
}

async function fromFile (path: string): Promise<SecretResult> {
  try {
    const about = await stat(path)
    if (!about.isFile()) return { problem: 'the secret\'s file is no plain file', missing: true }
    if (about.size > MAX_BYTES) return { problem: 'the secret\'s file is larger than 64 KiB', missing: false }
    return checked((await readFile(path, 'utf8')).replace(/\r?\n$/, ''))
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : ''
    return { problem: `the secret's file cannot be read${code}`, missing: true }
  }
}
