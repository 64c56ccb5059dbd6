import { Environment, type ASTNode } from '@marcbachmann/cel-js'
import type { Principal } from './principal.ts'
import { decodePath } from './target.ts'

/** The part of a request that a `where` may look at. */
export interface WhereRequest {
  readonly method: string
  readonly path: string
  /** the path's parameters, percent-decoded once */
  readonly params: Readonly<Record<string, string>>
  /** the caller's address */
  readonly address: string
}

/** @param params as they were sent */
export function whereRequest (method: string, path: string, params: Readonly<Record<string, string>>, address: string): WhereRequest {
  return { method, path, params: Object.fromEntries(Object.entries(params).map(([name, value]) => [name, decodePath(value)])), address }
}

export type Where = (principal: Principal, request: WhereRequest) => boolean

/** What is wrong with a `where`, in words for the operator who wrote it. */
export class WhereError extends Error {
  override readonly name = 'WhereError'
}

const environment = new Environment({ limits: { maxAstNodes: 1000, maxDepth: 50, maxListElements: 200 } })
  .registerVariable('claims', 'map<string, dyn>')
  .registerVariable({
    name: 'principal',
    schema: { kind: 'string', subject: 'string', client: 'string', issuer: 'string', scopes: 'list<string>' }
  })
  .registerVariable({
    name: 'request',
    schema: { method: 'string', path: 'string', params: 'map<string, string>', address: 'string' }
  })

/** What of CEL a rule cannot call. */
const NOT_AVAILABLE = [
  // A JavaScript regular expression can take seconds over one claim that a caller chose.
  { name: 'matches', instead: 'use startsWith, endsWith, contains or ==' },
  // Here they fold letters beyond ASCII too: "ban\u212a" (a Kelvin sign) and "bank" would be one, and so would "adm\u0131n" and "ADMIN".
  { name: 'lowerAscii', instead: 'it takes letters for others that only look like them; compare with each spelling that is meant' },
  { name: 'upperAscii', instead: 'it takes letters for others that only look like them; compare with each spelling that is meant' }
]

/**
 * Compiles a CEL expression over `claims`, `principal` and `request`.
 * An expression that fails while it runs (a claim that is absent, say) does not hold.
 * @throws {WhereError} where it does not parse, names an unknown variable, is no yes-or-no, or calls what is not available
 */
export function compileWhere (text: string): Where {
  const expression = parse(text)
  const checked = expression.check()
  if (!checked.valid) throw new WhereError(firstLine(checked.error))
  if (checked.type !== 'bool' && checked.type !== 'dyn') {
    throw new WhereError(`is ${checked.type ?? 'nothing'}, wants a yes or no`)
  }
  const called = NOT_AVAILABLE.find(({ name }) => calls(expression.ast, name))
  if (called !== undefined) throw new WhereError(`${called.name} is not available; ${called.instead}`)
  return (principal, request) => {
    try {
      return expression(scope(principal, request)) === true
    } catch {
      // "No such key": a condition on something absent does not hold.
      return false
    }
  }
}

function parse (text: string) {
  try {
    return environment.parse(text)
  } catch (error) {
    throw new WhereError(firstLine(error))
  }
}

function scope (principal: Principal, request: WhereRequest): Record<string, unknown> {
  const { kind, subject, client, issuer, scopes } = principal
  return {
    claims: principal.claims,
    principal: { kind, issuer, scopes, ...(subject !== undefined && { subject }), ...(client !== undefined && { client }) },
    request
  }
}

function calls (node: ASTNode, name: string): boolean {
  if ((node.op === 'call' || node.op === 'rcall') && node.args[0] === name) return true
  return nodesIn(node.args).some(one => calls(one, name))
}

function nodesIn (value: unknown): ASTNode[] {
  if (Array.isArray(value)) return value.flatMap(nodesIn)
  return isNode(value) ? [value] : []
}

function isNode (value: unknown): value is ASTNode {
  return typeof value === 'object' && value !== null && 'op' in value && 'args' in value
}

function firstLine (error: unknown): string {
  return error instanceof Error ? (error.message.split('\n', 1)[0] ?? '') : String(error)
}
