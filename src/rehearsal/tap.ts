import type { Check } from './checks.ts'

/** The Test Anything Protocol, version 14: a line for each check, with what is wrong as YAML below. */
export function tapText (checks: readonly Check[]): string {
  const lines = ['TAP version 14', `1..${checks.length}`]
  for (const [at, check] of checks.entries()) lines.push(`${check.ok ? 'ok' : 'not ok'} ${at + 1} - ${description(check)}`, ...check.ok ? [] : diagnostics(check))
  return lines.join('\n')
}

// A # begins a directive, a backslash escapes it, and a line is a line.
function description ({ group, at, name }: Check): string {
  return `${group}: ${at} ${name}`.replace(/[\\#]/g, '\\$&').replace(/\s+/g, ' ')
}

// JSON is YAML, and has no line of its own that could end it.
function diagnostics ({ at, details }: Check): string[] {
  return ['  ---', `  at: ${JSON.stringify(at)}`, '  details:', ...details.map(line => `    - ${JSON.stringify(line)}`), '  ...']
}
