import { Composer, isAlias, isMap, isScalar, isSeq, LineCounter, Parser, Lexer, type Document, type ParsedNode } from 'yaml'
import { formatPath, type Mistake, type Path, type Report, type ReportOptions } from './mistakes.ts'
import { isPrivate } from './private.ts'
import { plainScalar } from './yaml-scalars.ts'
import { syntaxMessage } from './yaml-syntax.ts'

/** A YAML file: its plain data, and where each part of it stands. */
export interface Source {
  readonly file: string
  /** plain data: mappings, lists, strings, numbers, booleans, null; undefined where the text is no YAML */
  readonly value: unknown
  readonly mistakes: Mistake[]
  /** what is under these was reported already */
  readonly spoiled: Path[]
  readonly report: Report
  /** the line on which the part at this path begins */
  readonly lineOf: (path: Path) => number
}

const MAX_BYTES = 1024 * 1024
// The parser builds nested things recursively: without a bound, ten thousand brackets end the process.
const MAX_DEPTH = 40
const MAX_LEXEMES = 120_000
const SYNTAX_MISTAKES_SHOWN = 5

type Node = ParsedNode | null | undefined

/** Reads YAML 1.2 (core schema) without tags, anchors, aliases, merge keys and second documents. Never throws. */
export function readYaml (file: string, bytes: Uint8Array): Source {
  const lines = new LineCounter()
  const mistakes: Mistake[] = []
  const spoiled: Path[] = []
  let contents: Node

  function add (offset: number, path: Path, message: string, severity: Mistake['severity'] = 'error'): void {
    const { line, col } = offset === 0 ? { line: 1, col: 1 } : lines.linePos(offset)
    mistakes.push({ file, line: Math.max(line, 1), column: Math.max(col, 1), path: formatPath(path), message, severity })
  }
  function report (path: Path, message: string, { severity = 'error', on = 'value' }: ReportOptions = {}): void {
    const { offset, depth } = locate(contents, path, on)
    add(offset, path.slice(0, depth), message, severity)
  }
  function finish (value: unknown): Source {
    return { file, value, mistakes, spoiled, report, lineOf: path => lines.linePos(locate(contents, path, 'value').offset).line }
  }

  const text = decode(bytes)
  if (typeof text !== 'string') {
    add(0, [], text.problem)
    return finish(undefined)
  }
  const document = compose(text, lines)
  if (typeof document === 'string') {
    add(0, [], document)
    return finish(undefined)
  }
  if (document.errors.length > 0) {
    for (const { code, pos: [offset] } of document.errors.slice(0, SYNTAX_MISTAKES_SHOWN)) {
      add(offset, [], syntaxMessage(code, lineAt(text, offset)))
    }
    return finish(undefined)
  }
  contents = document.contents
  if (document.directives?.yaml.explicit === true || /^%/m.test(text.slice(0, contents?.range[0] ?? text.length))) {
    // %YAML 1.1 would turn `no` into false.
    add(0, [], 'directives (%YAML, %TAG) are refused: leave the line out')
  }
  return finish(plain(contents, []))

  function spoil (node: Node, path: Path, message: string): undefined {
    spoiled.push(path)
    add(node?.range[0] ?? 0, path, message)
  }

  function plain (node: Node, path: Path): unknown {
    if (node === null || node === undefined) return null
    if (isAlias(node)) return spoil(node, path, 'aliases (*name) are refused: write the value out, or quote it')
    if (node.tag !== undefined) return spoil(node, path, 'tags (a word that begins with !) are refused: quote it')
    if (node.anchor !== undefined) return spoil(node, path, 'anchors (&name) are refused: leave it out, or quote it')
    if (isSeq(node)) return node.items.map((item, at) => plain(item, [...path, at]))
    if (isMap(node)) return plainMap(node.items, path)
    if (!isScalar(node)) return null
    const scalar = plainScalar(node)
    if (scalar.problem !== undefined) return spoil(node, path, scalar.problem)
    return scalar.value
  }

  function plainMap (pairs: ReadonlyArray<{ key: ParsedNode, value: ParsedNode | null }>, path: Path): Record<string, unknown> {
    const map: Record<string, unknown> = {}
    for (const { key, value } of pairs) {
      const name = isScalar(key) && key.tag === undefined && key.anchor === undefined ? key.value : undefined
      const within = isPrivate([...path, ''])
      if (typeof name !== 'string') {
        add(key?.range[0] ?? 0, path, 'a key is text: quote it')
      } else if (name === '<<' || name === '__proto__') {
        add(key.range[0], path, name === '<<' ? 'merge keys (<<) are refused: write the values out' : 'this key is refused')
      } else if (Object.hasOwn(map, name)) {
        add(key.range[0], within ? path : [...path, name], 'stands twice in this mapping')
      } else {
        map[name] = plain(value, [...path, name])
      }
    }
    return map
  }
}

function decode (bytes: Uint8Array): string | { problem: string } {
  if (bytes.byteLength > MAX_BYTES) return { problem: 'is larger than 1 MiB' }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return { problem: 'is not UTF-8 text' }
  }
}

function compose (text: string, lines: LineCounter): Document.Parsed | string {
  try {
    const tokens = [...boundedTokens(text, lines)]
    const composer = new Composer({ version: '1.2', schema: 'core', merge: false, prettyErrors: false, uniqueKeys: false, logLevel: 'silent' })
    const [first, ...more] = composer.compose(tokens, true, text.length)
    if (first === undefined) return 'is empty'
    if (more.length > 0) return 'holds more than one document (---): one file is one document'
    return first
  } catch (error) {
    if (error instanceof TooMuch) return error.message
    if (error instanceof RangeError) return `is nested too deeply (more than ${MAX_DEPTH} levels)`
    throw error
  }
}

class TooMuch extends Error {
  override readonly name = 'TooMuch'
}

function * boundedTokens (text: string, lines: LineCounter) {
  const parser = new Parser(lines.addNewLine)
  lines.addNewLine(0)
  let lexemes = 0
  for (const lexeme of new Lexer().lex(text)) {
    if (++lexemes > MAX_LEXEMES) throw new TooMuch('is too large: split or shorten it')
    yield * parser.next(lexeme)
    if (parser.stack.length > MAX_DEPTH) throw new TooMuch(`is nested too deeply (more than ${MAX_DEPTH} levels)`)
  }
  yield * parser.end()
}

/** The offset of what stands at the path, or of the nearest thing around it, and how much of the path there is. */
function locate (contents: Node, path: Path, on: 'key' | 'value'): { offset: number, depth: number } {
  let node = contents
  let offset = node?.range[0] ?? 0
  let depth = 0
  for (const [at, part] of path.entries()) {
    const wantsKey = on === 'key' && at === path.length - 1
    if (isMap<ParsedNode, ParsedNode | null>(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && key.value === part)
      if (pair === undefined) break
      node = pair.value
      offset = (wantsKey || node === null ? pair.key : node).range[0]
    } else if (isSeq<ParsedNode>(node) && typeof part === 'number' && node.items[part] !== undefined) {
      node = node.items[part]
      offset = node.range[0]
    } else break
    depth = at + 1
  }
  return { offset, depth }
}

function lineAt (text: string, offset: number): string {
  const start = text.lastIndexOf('\n', Math.max(0, offset - 1)) + 1
  const end = text.indexOf('\n', start)
  return text.slice(start, end === -1 ? undefined : end)
}
