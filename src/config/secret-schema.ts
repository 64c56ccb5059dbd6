import * as z from 'zod'
import type { Fail } from './by-hand.ts'
import { Secret } from './secrets.ts'

/** How a secret is written. */
export const secretShape = z.union([
  z.string().describe('the secret itself, or "${NAME}"'),
  z.strictObject({ file: z.string().describe('A file that holds it; relative paths start at gateway.yaml\'s folder; one final newline is dropped.') }),
  z.strictObject({ env: z.string().describe('The environment variable that holds it.') })
]).meta({ title: 'secret' })

export const SECRET_WANTED = 'expected a secret: text, { file: path } or { env: NAME }'

/** By the time this runs, load.ts has put a Secret where the file has the notation. */
export function parseSecret (value: unknown, fail: Fail): Secret {
  return value instanceof Secret ? value : fail(SECRET_WANTED)
}
