import type { BuiltInIssuer, Wish } from '../built-in-issuer/built-in-issuer.ts'
import type { Route } from '../config/configuration.ts'
import type { Explanation } from '../explain/explanation.ts'
import type { AdmittedKind } from '../policy/require.ts'
import { wishFor } from './fitting.ts'
import { matchText, type SampleRequest } from './sample.ts'
import type { Stage } from './stage.ts'

/** What one principal gets of one rule. */
export interface Cell {
  /** with no scope, permission or role: `allow`, or the status */
  readonly plain: 'allow' | number
  /** what lets it in where plain does not: each of the scopes, permissions and roles that the policy names, all at once, or what the rule asks for */
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

/** A row for each of the issuers that a rule takes; one where it is public. */
export async function matrixRows (route: Route, sample: SampleRequest | undefined, grants: readonly Grant[], stage: Stage): Promise<MatrixRow[]> {
  if (sample === undefined) return []
  const ask = async (token: string | undefined): Promise<Explanation> => await stage.ask({ ...sample, shown: token === undefined ? undefined : { token } })
  const nobody = cellOf(await ask(undefined))
  const tried = grants.length > MOST_GRANTS ? grantsOf([route]) : grants
  const [first] = stage.issuers.values()
  const issuers = route.require === 'public' ? [first].filter(one => one !== undefined) : route.issuers.flatMap(name => stage.issuers.get(name) ?? [])
  const rows: MatrixRow[] = []
  for (const issuer of issuers) {
    const cell = async (kind: AdmittedKind): Promise<Cell> => await principalCell(route, kind, issuer, { tried, grants }, ask)
    rows.push({ at: route.at, rule: matchText(route), issuer: issuer.name, nobody, id_token: cellOf(await ask(issuer.sign(issuer.draft('id-token', wishOf(grants))))), user: await cell('user'), client: await cell('client') })
  }
  return rows
}

async function principalCell (route: Route, kind: AdmittedKind, issuer: BuiltInIssuer, { tried, grants }: { readonly tried: readonly Grant[], readonly grants: readonly Grant[] }, ask: (token: string) => Promise<Explanation>): Promise<Cell> {
  const mint = (wish: Wish): string => issuer.sign(issuer.draft(kind, wish))
  const plain = cellOf(await ask(mint(wishOf([]))))
  if (plain.plain === 'allow') return plain
  const doors: string[] = []
  for (const grant of tried) if ((await ask(mint(wishOf([grant])))).passes) doors.push(grantText(grant, tried))
  if (doors.length > 0) return { ...plain, with: doors }
  if (tried.length > 1 && (await ask(mint(wishOf(grants)))).passes) return { ...plain, with: [grantsOf([route]).map(one => grantText(one, tried)).join(' and ')] }
  for (const alternative of route.require === 'public' ? [] : route.require) {
    if (!alternative.kinds.includes(kind)) continue
    if ((await ask(mint(wishFor(alternative, issuer)))).passes) return { ...plain, with: ['what the rule asks for'] }
  }
  return plain
}

function cellOf ({ passes, status }: Explanation): Cell {
  return { plain: passes ? 'allow' : status ?? 500, with: [] }
}

function wishOf (grants: readonly Grant[]): Wish {
  const names = (wanted: Grant['kind']): string[] => grants.flatMap(({ kind, name }) => kind === wanted ? [name] : [])
  return { scopes: names('scope'), permissions: names('permission'), roles: names('role') }
}

function grantText ({ kind, name }: Grant, among: readonly Grant[]): string {
  return among.every(one => one.kind === 'scope') ? name : `${kind} ${name}`
}
