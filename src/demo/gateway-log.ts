import type { LogLine } from './gateway-process.ts'
import type { Paint } from './terminal.ts'

/**
 * A log line of the gateway as one short line for reading: the answer, the rule, who called. Nothing, where the
 * line is not about a request.
 */
export function decisionLine (line: LogLine, { dim, good, bad }: Paint): string | undefined {
  if (typeof line.granted !== 'boolean') return undefined
  const words = [line.status, line.code, line.rule ?? line.method, caller(line), line.at]
  // Two spaces between them: the rule, "POST /addresses", has one within.
  return `${line.granted ? good('✓') : bad('✕')} ${dim(words.filter((word) => typeof word === 'string' || typeof word === 'number').join('  '))}`
}

function caller ({ principal, subject, client }: LogLine): string | undefined {
  if (typeof client !== 'string') return undefined
  return principal === 'user' && typeof subject === 'string' ? `${subject} via ${client}` : client
}
