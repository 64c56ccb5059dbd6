import { open } from 'node:fs/promises'
import { Composer, isMap, isScalar, isSeq, Lexer, LineCounter, Parser, type CST, type Document, type ParsedNode } from 'yaml'

const MIB = 1024 * 1024
const MAX_JSON = 32 * MIB
const MAX_YAML = 8 * MIB
// The parser builds nested things recursively, and takes some 400 bytes for a lexeme.
const MAX_DEPTH = 200
const MAX_LEXEMES = 3_000_000
const MAX_ALIASES = 10_000

/** A description of an API cannot be read; the text says why, for whoever named it. */
export class DescriptionError extends Error {
  override readonly name = 'DescriptionError'
}

/**
 * Reads a file of JSON or YAML as plain data. Nothing else is opened: a $ref stays what it is.
 * @throws {DescriptionError}
 */
export async function readDocument (file: string): Promise<unknown> {
  return parseDocument(await readText(file))
}

/** @throws {DescriptionError} */
export function parseDocument (text: string): unknown {
  const plain = text.replace(/^\uFEFF/, '')
  return /^\s*[{[]/.test(plain) ? parseJson(plain) : parseYaml(plain)
}

// Not readFile: a device or an endless file must not fill the memory.
async function readText (file: string): Promise<string> {
  try {
    const handle = await open(file, 'r')
    try {
      const stat = await handle.stat()
      if (!stat.isFile()) throw new DescriptionError('it is no plain file')
      if (stat.size > MAX_JSON) throw new DescriptionError('it is larger than 32 MiB')
      return new TextDecoder('utf-8', { fatal: true }).decode(await handle.readFile())
    } finally {
      await handle.close()
    }
  } catch (error) {
    if (error instanceof DescriptionError) throw error
    if (error instanceof TypeError) throw new DescriptionError('it is not UTF-8 text')
    throw new DescriptionError(`it cannot be read (${error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'})`)
  }
}

// What begins with { may be YAML all the same, and is then read as such.
function parseJson (text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return parseYaml(text)
  }
}

function parseYaml (text: string): unknown {
  if (text.length > MAX_YAML) throw new DescriptionError('it is larger than 8 MiB of YAML; as JSON it may have 32 MiB')
  const lines = new LineCounter()
  const document = compose(text, lines)
  const at = (offset: number) => `line ${Math.max(lines.linePos(offset).line, 1)}`
  const [error] = document.errors
  if (error !== undefined) throw new DescriptionError(`it is no YAML at ${at(error.pos[0])} (${error.code})`)
  const twice = duplicateKey(document.contents)
  if (twice !== undefined) throw new DescriptionError(`a key stands twice in one mapping at ${at(twice)}`)
  try {
    return document.toJS({ maxAliasCount: MAX_ALIASES })
  } catch {
    throw new DescriptionError('its aliases (*name) cannot be followed: there are too many, or one has no anchor')
  }
}

function compose (text: string, lines: LineCounter): Document.Parsed {
  const parser = new Parser(lines.addNewLine)
  const tokens: CST.Token[] = []
  let lexemes = 0
  lines.addNewLine(0)
  try {
    for (const lexeme of new Lexer().lex(text)) {
      tokens.push(...parser.next(lexeme))
      if (parser.stack.length > MAX_DEPTH) throw new DescriptionError(`it is nested more than ${MAX_DEPTH} levels deep`)
      if (++lexemes > MAX_LEXEMES) throw new DescriptionError('it is too large to be read as YAML: bundle it as JSON')
    }
    tokens.push(...parser.end())
    // Duplicate keys are looked for below: the parser compares each key with every other.
    const [first, ...more] = new Composer<ParsedNode>({ version: '1.2', schema: 'core', merge: false, prettyErrors: false, uniqueKeys: false, logLevel: 'silent' }).compose(tokens, true, text.length)
    if (first === undefined || more.length > 0) throw new DescriptionError('it has more than one document, or none')
    return first
  } catch (error) {
    if (error instanceof RangeError) throw new DescriptionError('it is nested too deeply')
    throw error
  }
}

/** Where a key begins that its mapping has already: of two readings, a reader takes the one or the other. */
function duplicateKey (node: ParsedNode | null): number | undefined {
  if (isSeq(node)) {
    for (const item of node.items) {
      const found = duplicateKey(item)
      if (found !== undefined) return found
    }
  } else if (isMap(node)) {
    const seen = new Set<unknown>()
    for (const { key, value } of node.items) {
      const name = isScalar(key) ? String(key.value) : undefined
      if (name !== undefined && seen.has(name)) return key.range[0]
      seen.add(name)
      const found = duplicateKey(value)
      if (found !== undefined) return found
    }
  }
  return undefined
}
