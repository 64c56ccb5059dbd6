import { basename } from 'node:path'
import type { Description, Operation } from './description.ts'
import { routesText } from './routes-text.ts'
import { draftRules, nameOf, type Draft, type ImportOptions, type NoRule } from './rules.ts'
import { ANYBODY } from './security.ts'

/** What an import came to. */
export interface Imported {
  /** of the description */
  readonly operations: number
  readonly rules: number
  /** operations that a rule is about */
  readonly told: number
  /** of them, those whose description takes more than their rule */
  readonly narrower: number
  /** operations of which it cannot be told who may call them */
  readonly left: ReadonlyArray<{ readonly operation: string, readonly takes: readonly string[] }>
  /** operations that no rule can be about; `takenBy`: whose rule takes their requests all the same, and lets in no more */
  readonly inexpressible: ReadonlyArray<{ readonly operation: string, readonly why: string, readonly takenBy?: string }>
  readonly unread: Description['unread']
  /** of which one is taken */
  readonly basePaths: readonly string[]
  /** security schemes that --who could tell more about, with the operations that wait for it */
  readonly untold: ReadonlyArray<{ readonly scheme: string, readonly operations: number }>
  /** routes.yaml */
  readonly routes: string
}

export interface ImportRequest extends ImportOptions {
  /** of the description, for the first line */
  readonly file: string
  readonly issuers?: readonly string[]
  readonly upstream?: string | undefined
}

/** The rules that an OpenAPI description gives, as routes.yaml. */
export function importRules (description: Description, request: ImportRequest): Imported {
  const drafts = draftRules(description, request)
  const rules = drafts.filter((draft): draft is Draft => draft.kind === 'rule')
  const left = drafts.flatMap(draft => draft.kind === 'left' || draft.kind === 'closed' ? draft.operations.map(operation => ({ operation, takes: draft.left })) : [])
  const inexpressible = drafts.filter(draft => draft.kind === 'inexpressible')
  const told = operationsOf(rules)
  const counted = {
    operations: description.operations.length,
    rules: rules.length,
    told: told.length,
    narrower: operationsOf(rules.filter(rule => rule.left.length > 0)).length,
    left: left.map(({ operation, takes }) => ({ operation: nameOf(operation), takes })),
    inexpressible: inexpressible.map(({ operation, why, takenBy }) => ({ operation: nameOf(operation), why, ...takenBy && { takenBy: nameOf(takenBy) } })),
    unread: description.unread,
    basePaths: request.base === undefined ? description.basePaths : [request.base],
    untold: untold(left.map(({ operation }) => operation), description, request)
  }
  return { ...counted, routes: routesText(drafts, { head: headOf(drafts, counted, description, request), issuers: request.issuers ?? [], upstream: request.upstream }) }
}

function operationsOf (drafts: readonly Draft[]): Operation[] {
  return drafts.flatMap(({ operations }) => operations)
}

function untold (left: readonly Operation[], { schemes }: Description, { said }: ImportOptions): Imported['untold'] {
  const counts = new Map<string, number>()
  for (const { security = [] } of left) {
    const names = new Set(security.flatMap(requirement => requirement.map(({ scheme }) => scheme)))
    for (const name of names) if (schemes.has(name) && said?.has(name) !== true) counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  return [...counts].map(([scheme, operations]) => ({ scheme, operations }))
}

function headOf (drafts: ReadonlyArray<Draft | NoRule>, counted: Omit<Imported, 'routes'>, { title }: Description, { file }: ImportRequest): string[] {
  const { operations, told, rules, left, narrower, inexpressible, unread } = counted
  const anybody = drafts.some(draft => draft.kind !== 'inexpressible' && draft.left.includes(ANYBODY))
  return [
    `By countersign import, from ${basename(file)}${title === '' ? '' : ` (${title})`}: ${told} of ${operations} operations, in ${rules} rules.`,
    ...left.length === 0 ? [] : [`Left to fill in: ${left.length}, of which the description does not tell who may call them. They stand as comments, and are 404 until a require is written; or as rules that nobody passes, where they would be another rule's requests.`],
    ...narrower === 0 ? [] : [`Fewer callers than by the description: ${narrower}, for which it has other ways in beside a token. "not taken" says which.`],
    ...inexpressible.length === 0 ? [] : [`Without a rule: ${inexpressible.length}, as they are written. The comment says why.`],
    ...unread.map(({ path, why }) => `${path} was not read: ${why}.`),
    ...anybody ? ['Where the description lets in anybody, a rule says so by require: public, which is for a person to write.'] : []
  ]
}
