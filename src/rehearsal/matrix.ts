import type { BuiltInIssuer } from '../built-in-issuer/built-in-issuer.ts'
import type { Route } from '../config/configuration.ts'
import type { Explanation } from '../explain/explanation.ts'
import { alternativeSentence } from '../explain/sentence.ts'
import type { AdmittedKind } from '../policy/require.ts'
import type { Fitting } from './fitting.ts'
import { matchText, type SampleRequest } from './sample.ts'
import type { Stage } from './stage.ts'

/** What one principal gets of one rule. */
export interface Cell {
  /** with no scope, permission or role: `allow`, or the status */
  readonly plain: 'allow' | number
  /** what lets it in where plain does not: each such scope, permission and role of the policy's; else what the rule asks for */
  readonly with: readonly string[]
}

export interface MatrixRow {
  readonly at: string
  readonly rule: string
  readonly issuer: string
  readonly nobody: Cell
  readonly id_token: Cell
  readonly user: Cell
  readonly client: Cell
}

/** Something that a token may be granted, as the policy names it. */
export interface Grant {
  readonly kind: 'scope' | 'permission' | 'role'
  readonly name: string
}

// Each is tried on each rule, by two principals.
const MOST_GRANTS = 20

/** The scopes, permissions and roles that the rules name anywhere. */
export function grantsOf (routes: readonly Route[]): Grant[] {
  const grants = new Map<string, Grant>()
  for (const { require } of routes) {
    if (require === 'public') continue
    for (const { conditions: { scope = [], any_scope = [], permission = [], any_permission = [], role = [], any_role = [] } } of require) {
      const add = (kind: Grant['kind'], names: readonly string[]): void => { for (const name of names) grants.set(`${kind} ${name}`, { kind, name }) }
      add('scope', [...scope, ...any_scope])
      add('permission', [...permission, ...any_permission])
      add('role', [...role, ...any_role])
    }
  }
  return [...grants.values()]
}

export interface MatrixParts {
  readonly sample: SampleRequest | undefined
  readonly grants: readonly Grant[]
  /** principals that the rule lets in */
  readonly made: readonly Fitting[]
}

/** A row for each of the issuers that a rule takes; one where it is public. */
export async function matrixRows (route: Route, { sample, grants, made }: MatrixParts, stage: Stage): Promise<MatrixRow[]> {
  if (sample === undefined) return []
  const ask = async (token: string | undefined): Promise<Explanation> => await stage.ask({ ...sample, shown: token === undefined ? undefined : { token } })
  const tried = grants.length > MOST_GRANTS ? grantsOf([route]) : grants
  const nobody = cellOf(await ask(undefined))
  const rows: MatrixRow[] = []
  for (const issuer of issuersOf(route, stage)) {
    const cell = async (kind: AdmittedKind): Promise<Cell> => {
      const plain = cellOf(await ask(mint(issuer, kind, [])))
      if (plain.plain === 'allow') return plain
      const doors: string[] = []
      for (const grant of tried) if ((await ask(mint(issuer, kind, [grant]))).passes) doors.push(grantText(grant, tried))
      return { ...plain, with: doors.length > 0 ? doors : made.filter(one => one.kind === kind && one.issuer === issuer).map(askedFor) }
    }
    rows.push({ at: route.at, rule: matchText(route), issuer: issuer.name, nobody, id_token: cellOf(await ask(mint(issuer, 'id-token', grants))), user: await cell('user'), client: await cell('client') })
  }
  return rows
}

function issuersOf ({ require, issuers }: Route, stage: Stage): BuiltInIssuer[] {
  const all = [...stage.issuers.values()]
  return require === 'public' ? all.slice(0, 1) : all.filter(({ name }) => issuers.includes(name))
}

function mint (issuer: BuiltInIssuer, as: AdmittedKind | 'id-token', grants: readonly Grant[]): string {
  const names = (wanted: Grant['kind']): string[] => grants.flatMap(({ kind, name }) => kind === wanted ? [name] : [])
  return issuer.sign(issuer.draft(as, { scopes: names('scope'), permissions: names('permission'), roles: names('role') }))
}

function askedFor ({ alternative: { conditions }, kind }: Fitting): string {
  return alternativeSentence({ kinds: [kind], conditions }).replace(/^a (?:user|client) (?:with )?/, '')
}

function cellOf ({ passes, status }: Explanation): Cell {
  return { plain: passes ? 'allow' : status ?? 500, with: [] }
}

function grantText ({ kind, name }: Grant, among: readonly Grant[]): string {
  return among.every(one => one.kind === 'scope') ? name : `${kind} ${name}`
}
