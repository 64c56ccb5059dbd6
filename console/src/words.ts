import { PROBLEMS, type ProblemCode } from '../../src/policy/problems.ts'
import type { Outcome } from '../../src/observe/outcome.ts'

/** What the page calls an outcome. */
export const OUTCOME_WORDS: Readonly<Record<Outcome, string>> = {
  answered: 'answered',
  refused: 'refused',
  upstream: 'ERP failed',
  gateway: 'gateway could not',
  left: 'caller left'
}

/** What a code says, in the words of docs/problems.md. */
export function titleOf (code: string): string {
  return Object.hasOwn(PROBLEMS, code) ? PROBLEMS[code as ProblemCode].title : ''
}

const NUMBER = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })

export function count (value: number): string {
  return NUMBER.format(value)
}

/** Of so many per second. */
export function rate (value: number | undefined): string {
  if (value === undefined) return '–'
  if (value === 0) return '0'
  return value < 0.1 ? '<0.1' : value < 10 ? value.toFixed(1) : count(value)
}

export function percent (share: number | undefined): string {
  if (share === undefined) return '–'
  if (share === 0) return '0 %'
  return share < 0.001 ? '<0.1 %' : `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`
}

/** @param seconds that something took */
export function took (seconds: number | undefined): string {
  if (seconds === undefined) return '–'
  if (seconds === 0) return '0'
  if (seconds < 0.01) return `${(seconds * 1000).toFixed(1)} ms`
  return seconds < 1 ? `${(seconds * 1000).toFixed(0)} ms` : `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`
}

/** @param ms between two moments, in the one or two largest units */
export function span (ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return minutes < 10 && seconds % 60 > 0 ? `${minutes} min ${seconds % 60} s` : `${minutes} min`
  const hours = Math.floor(minutes / 60)
  if (hours < 48) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`
  return `${Math.floor(hours / 24)} days`
}

export function size (bytes: number): string {
  return `${count(bytes / 1024 / 1024)} MiB`
}

const CLOCK = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' })
const DAY = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' })

/** By the reader's clock; the day where it is not today. */
export function clock (time: Date): string {
  return time.toDateString() === new Date().toDateString() ? CLOCK.format(time) : DAY.format(time)
}
