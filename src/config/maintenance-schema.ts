import { Cron } from 'croner'
import * as z from 'zod'
import { byHand } from './by-hand.ts'
import { duration } from './notation.ts'
import { isObject } from './objects.ts'

const instant = () => byHand(z.iso.datetime({ offset: true }), (value, fail) => {
  const read = z.iso.datetime({ offset: true }).safeParse(value)
  return read.success ? Date.parse(read.data) : fail('expected a date and time with its offset, such as 2026-03-01T22:00:00+01:00', { found: true })
})

const fiveFields = () => byHand(z.string(), (value, fail) => {
  const wanted = 'expected five fields (minute, hour, day, month, day of the week), such as 0 22 * * 6'
  if (typeof value !== 'string') return fail(wanted, { found: true })
  if (value.trim().split(/\s+/).length !== 5) return fail(wanted)
  return whyNoCron(value) === undefined ? value : fail(`is no such time: ${String(whyNoCron(value))}`)
})

const timeZone = () => byHand(z.string(), (value, fail) => {
  return typeof value === 'string' && isTimeZone(value) ? value : fail('expected a time zone of the IANA database, such as Europe/Berlin', { found: true })
})

const onceShape = z.strictObject({
  from: instant().describe('When it begins: a date and time with its offset, such as 2026-03-01T22:00:00+01:00.'),
  to: instant().describe('When it ends.')
}).meta({ title: 'window' })

const againShape = z.strictObject({
  cron: fiveFields().describe('When it begins, again and again: minute, hour, day, month, day of the week.'),
  for: duration('1m', '168h').describe('How long it lasts.'),
  time_zone: timeZone().prefault('UTC').describe('The time zone of cron, such as Europe/Berlin; UTC when left out.')
}).meta({ title: 'repeated-window' })

/** One window of an upstream's `maintenance`; ms since the epoch, ms. */
export const maintenanceSchema = byHand(z.union([onceShape, againShape]), (value, fail, use) => {
  if (!isObject(value)) return fail('expected a mapping: { from, to } or { cron, for }', { found: true })
  return 'cron' in value ? { kind: 'again' as const, ...use(againShape, value) } : { kind: 'once' as const, ...use(onceShape, value) }
})

export type MaintenanceWindow = z.output<typeof maintenanceSchema>

function whyNoCron (pattern: string): string | undefined {
  try {
    return new Cron(pattern, { mode: '5-part', utcOffset: 0 }).nextRun() === null ? 'it never comes' : undefined
  } catch (error) {
    return error instanceof Error ? error.message.replace(/^CronPattern: /, '') : ''
  }
}

function isTimeZone (name: string): boolean {
  // An offset is none: it has no summer time, and not every runtime takes one.
  if (!/^[A-Za-z]/.test(name)) return false
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== ''
  } catch {
    return false
  }
}
