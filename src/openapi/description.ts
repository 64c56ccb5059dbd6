import { isObject } from '../config/objects.ts'
import { basePathOf } from './base-path.ts'
import { DescriptionError } from './document.ts'
import { resolveRef } from './reference.ts'
import { readSchemes, type Requirement, type Scheme } from './security.ts'

/** What of an OpenAPI description counts here: its operations, and what each of them asks of a caller. */
export interface Description {
  readonly title: string
  readonly operations: readonly Operation[]
  /** paths that are kept elsewhere, which is not followed */
  readonly unread: ReadonlyArray<{ readonly path: string, readonly why: string }>
  readonly schemes: ReadonlyMap<string, Scheme>
  /** the different paths that its servers have in front */
  readonly basePaths: readonly string[]
}

export interface Operation {
  /** in capitals */
  readonly method: string
  /** as it is written: /pets/{petId} */
  readonly template: string
  /** what the first server has in front of it: empty, or /api/v1 */
  readonly basePath: string
  readonly id: string | undefined
  readonly summary: string | undefined
  /** of which one suffices; undefined where nothing is said */
  readonly security: readonly Requirement[] | undefined
}

const METHODS = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace', 'query'] as const
const MOST_OPERATIONS = 20_000
const MOST_REFS = 10

/**
 * Reads the plain data of an OpenAPI 3 description, or of Swagger 2.0.
 * @throws {DescriptionError}
 */
export function readDescription (document: unknown): Description {
  if (!isObject(document)) throw new DescriptionError('it is no OpenAPI description: a mapping is expected')
  const version = textOf(document.openapi ?? document.swagger) ?? ''
  if (!/^(?:3\.\d|2\.0)/.test(version)) throw new DescriptionError('it is no OpenAPI description: openapi: 3.x or swagger: "2.0" is missing')
  const paths = document.paths ?? {}
  if (!isObject(paths)) throw new DescriptionError('its paths are no mapping')
  const unread: Array<{ path: string, why: string }> = []
  const operations: Operation[] = []
  for (const [template, written] of Object.entries(paths)) {
    if (!template.startsWith('/')) {
      if (!template.startsWith('x-')) unread.push({ path: template, why: 'a path begins with /' })
      continue
    }
    const item = pathItem(document, written)
    if (typeof item === 'string') unread.push({ path: template, why: item })
    else operations.push(...operationsOf(document, template, item))
    if (operations.length > MOST_OPERATIONS) throw new DescriptionError(`it has more than ${MOST_OPERATIONS} operations`)
  }
  return { title: titleOf(document), operations, unread, schemes: readSchemes(document), basePaths: [...new Set(operations.map(({ basePath }) => basePath))] }
}

function pathItem (document: Record<string, unknown>, written: unknown): Record<string, unknown> | string {
  let item = written
  const own: Array<Record<string, unknown>> = []
  for (let times = 0; times < MOST_REFS; times++) {
    if (!isObject(item)) return 'its path item is no mapping'
    own.unshift(item)
    if (item.$ref === undefined) return withoutMerge(Object.fromEntries(own.flatMap(one => Object.entries(one))))
    if (typeof item.$ref !== 'string' || !item.$ref.startsWith('#/')) return 'it is kept in another document, which is not followed: bundle them into one first'
    item = resolveRef(document, item.$ref)
  }
  return 'its $ref leads nowhere'
}

function withoutMerge (item: Record<string, unknown>): Record<string, unknown> | string {
  return Object.hasOwn(item, '<<') ? 'it has a merge key (<<), which is not followed: write the values out' : item
}

function operationsOf (document: Record<string, unknown>, template: string, item: Record<string, unknown>): Operation[] {
  const named = METHODS.flatMap((method): Array<[string, unknown]> => Object.hasOwn(item, method) ? [[method.toUpperCase(), item[method]]] : [])
  // OpenAPI 3.2
  const additional = isObject(item.additionalOperations) ? Object.entries(item.additionalOperations) : []
  return [...named, ...additional].flatMap(([method, operation]) => {
    if (!isObject(operation)) return []
    const { operationId, summary, description } = operation
    return {
      method,
      template,
      basePath: basePathOf(document, operation.servers ?? item.servers),
      id: textOf(operationId),
      summary: textOf(summary) ?? textOf(description),
      security: requirementsOf(Object.hasOwn(operation, 'security') ? operation.security : document.security)
    }
  })
}

// What is written in another way than as a list of mappings says something that is not understood: that is not nothing.
function requirementsOf (security: unknown): Requirement[] | undefined {
  if (security === undefined) return undefined
  const list: readonly unknown[] = Array.isArray(security) ? security : [security]
  return list.map(one => isObject(one)
    ? Object.entries(one).map(([scheme, scopes]) => ({ scheme, scopes: Array.isArray(scopes) ? scopes.map(scope => textOf(scope) ?? NO_SCOPE) : [NO_SCOPE] }))
    : [{ scheme: typeof one === 'string' ? one : 'security', scopes: [NO_SCOPE] }])
}

// No token has it, so that nobody is told of such a requirement.
const NO_SCOPE = ''

function titleOf ({ info }: Record<string, unknown>): string {
  return isObject(info) ? [info.title, info.version].flatMap(one => textOf(one) ?? []).join(' ') : ''
}

function textOf (value: unknown): string | undefined {
  return typeof value === 'string' && value.trim() !== '' ? value : undefined
}
