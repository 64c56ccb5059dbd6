const DURATION_UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const
const SIZE_UNITS = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 } as const

export const DURATION_PATTERN = '^([0-9]{1,9})(ms|s|m|h)$'
export const SIZE_PATTERN = '^([0-9]{1,9})(B|KiB|MiB|GiB)$'
export const PERCENT_PATTERN = '^([1-9][0-9]?|100)%$'

const DURATION = new RegExp(DURATION_PATTERN)
const SIZE = new RegExp(SIZE_PATTERN)
const PERCENT = new RegExp(PERCENT_PATTERN)
const FRACTION = /^(?:0\.[0-9]{1,9}|1)$/

/** Milliseconds of `250ms`, `30s`, `5m`, `24h`; undefined for anything else (a bare number, a sign, a fraction). */
export function parseDuration (text: string): number | undefined {
  const [, digits, unit] = DURATION.exec(text) ?? []
  return isKeyOf(DURATION_UNITS, unit) ? Number(digits) * DURATION_UNITS[unit] : undefined
}

/** Bytes of `512B`, `32KiB`, `10MiB`, `1GiB`; undefined for anything else. */
export function parseSize (text: string): number | undefined {
  const [, digits, unit] = SIZE.exec(text) ?? []
  return isKeyOf(SIZE_UNITS, unit) ? Number(digits) * SIZE_UNITS[unit] : undefined
}

/** 0.2 of `20%`; undefined for anything else, and for what is not from 1 to 100. */
export function parsePercent (text: string): number | undefined {
  const [, digits] = PERCENT.exec(text) ?? []
  return digits === undefined ? undefined : Number(digits) / 100
}

/** 0.5 of `0.5`; undefined for anything else, and for what is not from 0 to 1. */
export function parseFraction (text: string): number | undefined {
  return FRACTION.test(text) ? Number(text) : undefined
}

function isKeyOf<T extends object> (table: T, key: string | undefined): key is Extract<keyof T, string> {
  return key !== undefined && Object.hasOwn(table, key)
}
