import { randomBytes } from 'node:crypto'

// Version 00 ends after its flags; a later one may go on.
const TRACEPARENT = /^(?!ff)(?!00.{54})[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-|$)/

/** Whether it is a well-formed traceparent (W3C Trace Context section 3.2). */
export function isTraceparent (value: string): boolean {
  return TRACEPARENT.test(value)
}

/** The traceparent of a trace that begins here; nobody has decided to record it. */
export function newTraceparent (): string {
  if (used === digits.length) {
    digits = randomBytes(FETCHED).toString('hex')
    used = 0
  }
  const middle = used + 32
  const trace = digits.slice(used, middle)
  used = middle + 16
  return `00-${trace}-${digits.slice(middle, used)}-00`
}

/** bytes: those of 256 ids are fetched at once, a call for each costs more than the rest of the header */
const FETCHED = 256 * 24
let digits = ''
let used = 0
