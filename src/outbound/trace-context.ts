import { randomBytes } from 'node:crypto'

// Version 00 ends after its flags; a later one may go on.
const TRACEPARENT = /^(?!ff)(?!00.{54})[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-|$)/

/** The caller's one well-formed traceparent (W3C Trace Context section 3.2), or undefined where a trace begins here. */
export function traceparentOf (rawHeaders: readonly string[]): string | undefined {
  const found = rawHeaders.filter((_value, at) => at % 2 === 1 && rawHeaders[at - 1]?.toLowerCase() === 'traceparent')
  const [traceparent] = found
  return found.length === 1 && traceparent !== undefined && TRACEPARENT.test(traceparent) ? traceparent : undefined
}

/** The traceparent of a trace that begins here; nobody has decided to record it. */
export function newTraceparent (): string {
  return `00-${randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}-00`
}
