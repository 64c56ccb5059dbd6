import * as z from 'zod'
import { parseClaimPath, type ClaimConditions, type Scalar } from '../policy/claims.ts'
import { all, byHand, jsonOf, type Fail } from './by-hand.ts'
import { isObject } from './objects.ts'
import { DURATION_PATTERN, parseDuration, parseFraction, parsePercent, parseSize, PERCENT_PATTERN, SIZE_PATTERN } from './units.ts'

/** Text with no control characters and no blanks around it, which no comparison would ever meet. */
export function text (most = 1000) {
  return z.string()
    .min(1, 'must not be empty')
    .max(most, `is longer than ${most} characters`)
    .regex(/^(?!\s)[^\0-\x1f\x7f]*(?<!\s)$/, 'must not begin or end with a blank, nor hold line breaks or control characters')
}

/** One of a thing or a list of them: always a list once parsed; never empty, unless no check hangs on it. */
export function oneOrMany<T extends z.ZodType> (item: T, { least = 1 } = {}) {
  return z.unknown()
    .transform((value): readonly unknown[] => Array.isArray(value) ? [...value as readonly unknown[]] : [value])
    .pipe(z.array(item).min(least, 'must not be empty'))
    .meta(jsonOf(z.union([item, z.array(item).min(least)])))
}

/** A whole number; from gateway.yaml also text of digits, as `"${PORT}"` gives. */
export function whole (least: number, most: number, { fromText = false } = {}) {
  return byHand(z.int().min(least).max(most), (value, fail) => {
    const read = fromText && typeof value === 'string' && /^(0|[1-9][0-9]{0,15})$/.test(value) ? Number(value) : value
    if (typeof read === 'number' && Number.isSafeInteger(read) && read >= least && read <= most) return read
    return fail(`expected a whole number from ${least} to ${most}`, { found: true })
  })
}

/** true or false; from gateway.yaml also as text, as `"${FLAG}"` gives. */
export function flag () {
  return byHand(z.boolean(), (value, fail) => {
    if (value === true || value === 'true') return true
    if (value === false || value === 'false') return false
    return fail('expected true or false', { found: true })
  })
}

/** Milliseconds, written `30s`. */
export function duration (least: string, most: string) {
  const [min = 0, max = 0] = [parseDuration(least), parseDuration(most)]
  return byHand(z.string().regex(new RegExp(DURATION_PATTERN)).meta({ title: 'duration', examples: ['250ms', '30s', '5m', '24h'] }), (value, fail) => {
    const read = typeof value === 'string' ? parseDuration(value) : undefined
    if (read === undefined) return fail('expected a duration such as 250ms, 30s, 5m or 24h', { found: true })
    if (read < min || read > max) return fail(`expected a duration from ${least} to ${most}`, { found: true })
    return read
  })
}

/** Bytes, written `10MiB`. */
export function size (least: string, most: string) {
  const [min = 0, max = 0] = [parseSize(least), parseSize(most)]
  return byHand(z.string().regex(new RegExp(SIZE_PATTERN)).meta({ title: 'size', examples: ['512B', '32KiB', '10MiB'] }), (value, fail) => {
    const read = typeof value === 'string' ? parseSize(value) : undefined
    if (read === undefined) return fail('expected a size such as 512B, 32KiB or 10MiB', { found: true })
    if (read < min || read > max) return fail(`expected a size from ${least} to ${most}`, { found: true })
    return read
  })
}

/** A part of one, written `20%` or `0.2`; from gateway.yaml the number also as text, as `"${RATE}"` gives. */
export function percent ({ fromText = false } = {}) {
  const shape = z.union([z.string().regex(new RegExp(PERCENT_PATTERN)), z.number().gt(0).max(1)])
  return byHand(shape.meta({ title: 'percent', examples: ['20%', '50%', 0.5] }), (value, fail) => {
    const read = typeof value === 'string' ? parsePercent(value) ?? (fromText ? parseFraction(value) : undefined) : value
    return typeof read === 'number' && read > 0 && read <= 1 ? read : fail('expected a part from 1% to 100%, or a number above 0 up to 1', { found: true })
  })
}

/** The name of an issuer, an upstream, a rule or a client. */
export function nameText () {
  return z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'a name has 1 to 64 letters, digits, dots, hyphens or underscores, and begins with a letter or digit')
}

/** `{ <claim path>: value or list of values }`, not empty. */
export function claimConditions () {
  const scalar = z.union([z.string(), z.number(), z.boolean()])
  const shape = z.record(z.string(), z.union([scalar, z.array(scalar).min(1)])).meta({ title: 'claims' })
  return byHand(shape, (value, fail): ClaimConditions => {
    if (!isObject(value)) return fail('expected a mapping such as { tenant: acme } or { groups: [a, b] }', { found: true })
    const entries = Object.entries(value)
    if (entries.length === 0) return fail('must not be empty: that would be no check')
    return all(entries, ([name, wanted]) => {
      const within: Fail = (message, hints) => fail(message, { path: [name], ...hints })
      const values: readonly unknown[] = Array.isArray(wanted) ? wanted : [wanted]
      if (values.length === 0) return within('must not be empty: that would be no check')
      const scalars = values.map((one, at): Scalar => isScalar(one) ? one : fail('expected text, a number, true or false', { found: true, path: Array.isArray(wanted) ? [name, at] : [name] }))
      return { name, path: splitPath(name, (message) => within(message, { key: true })), values: scalars }
    })
  })
}

/** The names of a claim path. */
export function splitPath (path: string, fail: Fail): readonly string[] {
  try {
    return parseClaimPath(path)
  } catch (error) {
    return fail(`is no claim path: ${error instanceof Error ? error.message : ''}`)
  }
}

function isScalar (value: unknown): value is Scalar {
  return (typeof value === 'string' && value !== '') || typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))
}
