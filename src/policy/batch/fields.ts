import { ambiguous, malformed } from './part.ts'

/** Header fields by their folded names: lower case, a dash for whatever else a CGI-like server makes one. */
export type Fields = ReadonlyMap<string, { readonly name: string, readonly value: string }>

/** More of them, or longer ones, are refused. */
const MOST_FIELDS = 100
const LONGEST_LINE = 8192

const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/

/**
 * Reads lines of a head, which were cut at CRLF, by the letter: no folded line (RFC 9112 section 5.2), no blank before
 * the colon, no lone CR or LF, no name twice in any spelling.
 * @throws {Refusal} batch-malformed, batch-ambiguous
 */
export function readFields (lines: readonly string[], part: number): Fields {
  if (lines.length > MOST_FIELDS) throw malformed(`there are more than ${MOST_FIELDS} headers`, part)
  return fieldsOf(lines.map(line => {
    if (line.length > LONGEST_LINE) throw malformed('a header is too long', part)
    const colon = line.indexOf(':')
    return [line.slice(0, Math.max(0, colon)), withoutBlanks(line.slice(colon + 1))]
  }), part)
}

/** The same for names and values that were taken apart already. */
export function fieldsOf (pairs: ReadonlyArray<readonly [name: string, value: string]>, part: number): Fields {
  const fields = new Map<string, { name: string, value: string }>()
  for (const [name, value] of pairs) {
    if (!NAME.test(name) || !VALUE.test(value)) throw malformed('a header is not well-formed', part)
    const folded = foldName(name)
    if (fields.has(folded)) throw ambiguous('a header stands twice', part)
    fields.set(folded, { name, value })
  }
  return fields
}

/** Content_Type, say, is Content-Type to some servers: it may be neither there nor left out. */
export function valueOf (fields: Fields, folded: string, part: number): string | undefined {
  const field = fields.get(folded)
  if (field !== undefined && field.name.toLowerCase() !== folded) throw ambiguous('a header has a name that can be read in two ways', part)
  return field?.value
}

export function foldName (name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '-')
}

/** Bytes, or undefined where it is not said. @throws {Refusal} batch-malformed */
export function lengthOf (fields: Fields, part: number): number | undefined {
  const length = valueOf(fields, 'content-length', part)
  if (length === undefined) return undefined
  if (!/^(?:0|[1-9]\d{0,14})$/.test(length)) throw malformed('a Content-Length is no length', part)
  return Number(length)
}

// By hand: a regular expression for the end of a long line of blanks looks at it again and again.
function withoutBlanks (text: string): string {
  let from = 0
  let to = text.length
  while (from < to && isBlank(text.charCodeAt(from))) from++
  while (to > from && isBlank(text.charCodeAt(to - 1))) to--
  return text.slice(from, to)
}

function isBlank (code: number): boolean {
  return code === 0x20 || code === 0x09
}
