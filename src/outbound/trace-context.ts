import { randomFillSync } from 'node:crypto'

// Version 00 ends after its flags; a later one may go on.
const TRACEPARENT = /^(?!ff)(?!00.{54})[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-|$)/

/** Whether it is a well-formed traceparent (W3C Trace Context section 3.2). */
export function isTraceparent (value: string): boolean {
  return TRACEPARENT.test(value)
}

/** The traceparent of a trace that begins here; nobody has decided to record it. */
export function newTraceparent (): string {
  return `00-${randomHex(16)}-${randomHex(8)}-00`
}

// Random bytes are fetched by the hundred: a call for each costs more than the rest of the header.
const pool = Buffer.alloc(4096)
let used = pool.length

function randomHex (bytes: number): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool)
    used = 0
  }
  used += bytes
  return pool.toString('hex', used - bytes, used)
}
