import type { Alternative } from '../policy/require.ts'
import { nameOf, type Draft, type NoRule } from './rules.ts'

export interface TextOptions {
  /** what stands on top, a line each */
  readonly head: readonly string[]
  readonly issuers: readonly string[]
  readonly upstream: string | undefined
}

/** routes.yaml. What of it comes from the description is on one line, and can end neither a comment nor a text. */
export function routesText (drafts: ReadonlyArray<Draft | NoRule>, { head, issuers, upstream }: TextOptions): string {
  const ids = idsOf(drafts)
  const defaults = [
    ...issuers.length === 0 ? [] : [`  issuers: ${listOf(issuers)}`],
    ...upstream === undefined ? [] : [`  upstream: ${scalar(upstream)}`]
  ]
  return [
    ...head.map(line => `# ${plainLine(line)}`),
    ...defaults.length === 0 ? [] : ['defaults:', ...defaults],
    'routes:',
    ...drafts.flatMap(draft => draft.kind === 'inexpressible' ? inexpressible(draft) : draft.kind === 'left' ? leftToFillIn(draft, ids).map(commented) : draft.kind === 'closed' ? closed(draft, ids) : rule(draft, ids)),
    ''
  ].join('\n')
}

function rule (draft: Draft, ids: ReadonlySet<string>): string[] {
  const { left, require = [] } = draft
  return [
    ...beginning(draft, ids),
    ...requireLines(require),
    ...left.length === 0 ? [] : [`    # not taken: ${plainLine(left.join('; or '))}`]
  ]
}

function leftToFillIn (draft: Draft, ids: ReadonlySet<string>): string[] {
  return [...beginning(draft, ids), `    require:   ${whoMay(draft)}`]
}

// Without it, another rule would be about these requests.
function closed (draft: Draft, ids: ReadonlySet<string>): string[] {
  return [...beginning(draft, ids), `    require: { user|client: { where: "false" } }   # nobody; ${whoMay(draft).slice(2)}`]
}

function whoMay ({ left }: Draft): string {
  return `# who may? The description takes: ${plainLine(left.join('; or '))}`
}

function inexpressible ({ operation, why, wider, takenBy }: NoRule): string[] {
  if (takenBy !== undefined) return [`  # ${plainLine(nameOf(operation))}: taken by the rule of ${plainLine(nameOf(takenBy))}`]
  return [
    `  # ${plainLine(nameOf(operation))}: no rule, for ${plainLine(why)}`,
    ...wider === undefined ? [] : [`  #   wider: ${plainLine(`${operation.method} ${wider}`)}`]
  ]
}

function commented (line: string): string {
  return `  # ${line.slice(2)}`
}

function beginning ({ match, operations }: Draft, ids: ReadonlySet<string>): string[] {
  const [first, ...others] = operations
  const id = others.length === 0 ? first?.id : undefined
  const description = shortened([...new Set(operations.flatMap(({ summary }) => summary === undefined ? [] : firstLine(summary)))].join('; '))
  return [
    `  - match: ${scalar(`${match.methods.join('|')} ${match.path}`)}`,
    ...id === undefined || !ids.has(id) ? [] : [`    id: ${scalar(id)}`],
    ...description === '' ? [] : [`    description: ${scalar(description)}`]
  ]
}

// Names of rules, of which each is given once.
function idsOf (drafts: ReadonlyArray<Draft | NoRule>): Set<string> {
  const seen = new Map<string, number>()
  for (const draft of drafts) {
    for (const { id } of draft.kind === 'inexpressible' ? [draft.operation] : draft.operations) if (id !== undefined) seen.set(id, (seen.get(id) ?? 0) + 1)
  }
  return new Set([...seen].filter(([id, count]) => count === 1 && /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(id)).map(([id]) => id))
}

function requireLines (require: readonly Alternative[]): string[] {
  const [first, ...others] = require.map(alternativeText)
  if (others.length === 0) return [`    require: ${first ?? ''}`]
  return ['    require:', ...[first, ...others].map(text => `      - ${text ?? ''}`)]
}

function alternativeText ({ kinds, conditions: { scope } }: Alternative): string {
  const who = kinds.join('|')
  return scope === undefined ? who : `{ ${who}: { scope: ${listOf(scope)} } }`
}

function listOf (texts: readonly string[]): string {
  return texts.length === 1 ? scalar(texts[0] ?? '') : `[${texts.map(scalar).join(', ')}]`
}

// Plain only where YAML and every reader of it take it for this very text, within brackets too.
function scalar (text: string): string {
  const isPlain = /^[A-Za-z][\w$@~./|:-]*(?: [\w$@~./|:()'-]+)*$/.test(text) && !/:(?: |$)|^(?:true|false|null|yes|no|on|off|y|n)$/i.test(text)
  return isPlain ? text : JSON.stringify(text).replace(UNSEEN, escaped)
}

const UNSEEN = /[\p{C}\p{Zl}\p{Zp}]/gu

function escaped (found: string): string {
  return Array.from({ length: found.length }, (_, at) => `\\u${found.charCodeAt(at).toString(16).padStart(4, '0')}`).join('')
}

function plainLine (text: string): string {
  return shortened(firstLine(text.replace(/\s+/g, ' ')), 400)
}

/** The first line of a text, without what cannot be seen, and without what asks for the environment. */
function firstLine (text: string): string {
  const [line = ''] = text.trim().split(/[\r\n\u0085\u2028\u2029]/)
  return line.replace(UNSEEN, ' ').replaceAll('${', '{').replace(/\s+/g, ' ').trim()
}

function shortened (text: string, most = 120): string {
  const characters = Array.from(text)
  return characters.length <= most ? text : `${characters.slice(0, most - 1).join('').trimEnd()}…`
}
