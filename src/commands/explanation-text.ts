import { styleText } from 'node:util'
import type { AlternativeSeen, Explanation, Step } from '../explain/explanation.ts'
import { TOKEN_WORDS } from '../explain/token-words.ts'
import { onOneLine } from './terminal-text.ts'

type Style = Parameters<typeof styleText>[0]

/** An explanation for people to read, in lines. */
export function explanationText (explanation: Explanation, color: boolean): string {
  const paint = (style: Style, text: string): string => color ? styleText(style, text, { validateStream: false }) : text
  const { request, passes, status, code, detail, remedy, reported, rule, steps, alternatives, upstream, notes } = explanation
  const lines: string[] = []
  const section = (name: string, ...rows: readonly string[]): void => {
    rows.forEach((row, at) => lines.push(`${paint('dim', (at === 0 ? name : '').padEnd(9))} ${row}`))
  }

  lines.push(paint('bold', `${request.method} ${onOneLine(request.target)}`))
  lines.push(passes ? paint('green', 'would pass') : paint('red', `is refused: ${status ?? ''} ${code ?? ''}`))
  if (reported !== undefined) lines.push(paint('yellow', `would be refused: ${reported.status} ${reported.code}, and is let through (enforce: report)`), `  ${onOneLine(reported.detail)}`, paint('yellow', `  → ${onOneLine(reported.remedy)}`))
  if (detail !== undefined) lines.push(`  ${onOneLine(detail)}`)
  if (remedy !== undefined) lines.push(paint('yellow', `  → ${onOneLine(remedy)}`))
  lines.push('')
  if (rule !== undefined) section('rule', `${rule.match}  ${paint('dim', rule.at)}`, `for ${rule.who}`)
  section('token', ...tokenRows(explanation))
  section('caller', ...callerRows(explanation, paint))
  section('checks', ...steps.map(step => stepRow(step, paint)))
  section('rule asks', ...alternatives.flatMap(alternative => alternativeRows(alternative, paint)))
  if (upstream !== undefined) section('ERP gets', `${upstream.method} ${onOneLine(upstream.target)}  ${paint('dim', `upstream ${upstream.name}`)}`, ...upstream.headers.map(([name, value]) => `${name}: ${onOneLine(value)}`))
  section('note', ...notes.map(onOneLine))
  return lines.join('\n')
}

function tokenRows ({ token }: Explanation): string[] {
  if (token === undefined) return []
  const { kind, issuer, header, ends } = token
  const facts = [issuer === undefined ? undefined : `of issuer ${issuer}`, ...Object.entries(header).map(([name, value]) => `${name} ${onOneLine(value)}`), ends === undefined ? undefined : `ends ${ends}`]
  return [[`${TOKEN_WORDS[kind]}`, ...facts.filter(fact => fact !== undefined)].join(', ')]
}

function callerRows ({ principal }: Explanation, paint: (style: Style, text: string) => string): string[] {
  if (principal === undefined) return []
  const { kind, subject, client, scopes, permissions, roles, evidence } = principal
  const ids = [client === undefined ? undefined : `client ${onOneLine(client)}`, subject === undefined ? undefined : `subject ${onOneLine(subject)}`].filter(one => one !== undefined)
  const granted = Object.entries({ scopes, permissions, roles }).flatMap(([name, list]) => list.length === 0 ? [] : [`${name}: ${onOneLine(list.join(' '))}`])
  return [
    `${kind}${ids.length === 0 ? '' : `, ${ids.join(', ')}`}`,
    ...granted,
    ...evidence.map(({ claim, value, says, strength }) => paint('dim', `${strength.padEnd(6)} ${onOneLine(claim)}${value === undefined ? '' : ` ${onOneLine(JSON.stringify(value))}`}: ${says}`))
  ]
}

function stepRow ({ name, outcome, saw }: Step, paint: (style: Style, text: string) => string): string {
  const mark = outcome === 'pass' ? paint('green', '✓') : outcome === 'fail' ? paint('red', '✗') : paint('dim', '·')
  return `${mark} ${name.padEnd(10)} ${onOneLine(saw)}`
}

function alternativeRows ({ who, holds, ofThisKind, steps }: AlternativeSeen, paint: (style: Style, text: string) => string): string[] {
  const mark = holds ? paint('green', '✓') : paint('red', '✗')
  return [`${mark} ${who}${ofThisKind ? '' : paint('dim', ' (another kind of caller)')}`, ...steps.map(step => `    ${stepRow(step, paint)}`)]
}
