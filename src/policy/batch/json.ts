import { METHODS } from '../pattern.ts'
import { fieldsOf, valueOf } from './fields.ts'
import { ambiguous, malformed, tooManyParts, type Batch, type Part } from './part.ts'
import { addId, bodyTypeIsFit, isTarget } from './request.ts'
import { JsonProblem, readJson, type Json } from './strict-json.ts'

/**
 * Reads an OData batch in JSON (OData JSON Format 4.01 section 19) the one way that all readers agree on: every name is
 * one of the format's own, to the letter, so that no reader that is loose about letter case finds another one.
 * @throws {Refusal} batch-malformed, batch-ambiguous, batch-too-large
 */
export function readJsonBatch (body: Buffer, maxParts: number): Batch {
  const text = decoded(body)
  const { requests } = members(parsed(text), ['requests'])
  if (requests?.kind !== 'array') throw malformed('there is no list "requests"')
  if (requests.items.length === 0) throw malformed('there is no request')
  if (requests.items.length > maxParts) throw tooManyParts(maxParts)
  const ids = new Set<string>()
  const groups = new Set<string>()
  const parts = requests.items.map((item, at) => readRequest(text, item, at + 1, ids, groups))
  for (const group of groups) {
    if (ids.has(group)) throw ambiguous('a group has the name of a request')
    ids.add(group)
  }
  return { parts, ids }
}

function decoded (body: Buffer): string {
  try {
    // A byte order mark stays: no JSON text begins with one.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body)
  } catch {
    throw malformed('it is not UTF-8')
  }
}

function parsed (text: string): Json {
  try {
    return readJson(text, 'body')
  } catch (error) {
    if (!(error instanceof JsonProblem)) throw error
    throw error.isAmbiguous ? ambiguous(error.message) : malformed(error.message)
  }
}

const OF_A_REQUEST = ['id', 'method', 'url', 'headers', 'body', 'atomicityGroup', 'dependsOn', 'if'] as const

function readRequest (text: string, json: Json, number: number, ids: Set<string>, groups: Set<string>): Part {
  const { id, method, url, headers, body, atomicityGroup, dependsOn, if: condition } = members(json, OF_A_REQUEST, number)
  const name = textOf(id, number) ?? ''
  if (ids.has(name.toLowerCase())) throw ambiguous('a request has an id that another one has', number)
  addId(ids, name, number)
  addId(groups, textOf(atomicityGroup, number), number)
  textOf(condition, number)
  if (dependsOn !== undefined && dependsOn.kind !== 'array') throw malformed('dependsOn is no list', number)
  for (const one of dependsOn?.items ?? []) textOf(one, number)
  const target = textOf(url, number) ?? ''
  if (!isTarget(target)) throw malformed('there is no url of visible ASCII', number)
  const fields = fieldsOf(headers === undefined ? [] : pairs(headers, number), number)
  if (fields.has('content-length')) throw malformed('a Content-Length has no place in JSON', number)
  if (!bodyTypeIsFit(valueOf(fields, 'content-type', number))) throw ambiguous('a request has a body of further requests', number)
  return {
    number,
    method: methodOf(textOf(method, number), number),
    target,
    headers: [...fields.values()].map(({ name }) => name),
    bodyLength: body === undefined ? 0 : Buffer.byteLength(text.slice(body.from, body.to).trim())
  }
}

// The format takes get for GET; a letter that only becomes one in capitals is none.
function methodOf (method: string | undefined, part: number): string {
  const found = method !== undefined && /^[A-Za-z]+$/.test(method) ? METHODS.find(one => one === method.toUpperCase()) : undefined
  if (found === undefined) throw malformed('there is no method', part)
  return found
}

function members<K extends string> (json: Json, known: readonly K[], part?: number): Partial<Record<K, Json>> {
  if (json.kind !== 'object') throw malformed('something is no object that should be one', part)
  for (const name of json.members.keys()) {
    if (!known.some(one => one === name)) throw malformed('an object has a name that the format does not know', part)
  }
  // Each name is one of `known`.
  return Object.fromEntries(json.members) as Partial<Record<K, Json>>
}

function textOf (json: Json | undefined, part: number): string | undefined {
  if (json === undefined) return undefined
  if (json.kind !== 'string') throw malformed('something is no text that should be one', part)
  return json.value
}

function pairs (json: Json, part: number): Array<readonly [string, string]> {
  if (json.kind !== 'object') throw malformed('headers is no object', part)
  return [...json.members].map(([name, value]) => [name, textOf(value, part) ?? ''])
}
