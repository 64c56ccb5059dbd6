import type { LogLine } from './gateway-process.ts'
import type { Paint } from './terminal.ts'

/** A log line of the gateway as one short line for reading; nothing, where it is no request's decision. */
export function decisionLine (line: LogLine, { dim }: Paint): string | undefined {
  return dim(JSON.stringify(line))
}
