import * as z from 'zod'
import type { Question } from './explain.ts'

const QUESTION = z.strictObject({
  method: z.string().regex(/^[A-Z]{1,20}$/, 'expected a method such as POST'),
  target: z.string().regex(/^\//, 'expected a path that begins with /').max(20_000),
  headers: z.array(z.tuple([z.string().regex(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/), z.string().regex(/^[\x20-\x7e]*$/)])).max(100).optional(),
  token: z.string().max(262_144).optional(),
  claims: z.record(z.string(), z.unknown()).optional(),
  header: z.record(z.string(), z.unknown()).optional(),
  issuer: z.string().optional(),
  address: z.string().max(100).optional()
})

/**
 * A question as JSON: `{ method, target, headers?, address? }` and either `token` or `claims` with `header?` and `issuer?`.
 * @returns what is wrong with it, in words, where it is none
 */
export function readQuestion (value: unknown): Question | string {
  const parsed = QUESTION.safeParse(value)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    return `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not a question'}`
  }
  const { method, target, headers = [], token, claims, header = {}, issuer, address = '127.0.0.1' } = parsed.data
  if (token !== undefined && claims !== undefined) return 'expected a token or claims, not both'
  const alg = typeof header['alg'] === 'string' ? header['alg'] : 'RS256'
  const shown = token !== undefined ? { token } : claims !== undefined ? { claims, header: { ...header, alg }, issuer } : undefined
  return { method, target, headers, shown, address }
}
