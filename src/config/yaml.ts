import { isAlias, isMap, isScalar, isSeq, LineCounter, type ParsedNode } from 'yaml'
import { formatPath, isWithin, type Mistake, type Path, type Report, type ReportOptions } from './mistakes.ts'
import { isPrivate } from './private.ts'
import { compose, decode } from './yaml-parse.ts'
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

const SYNTAX_MISTAKES_SHOWN = 5
const MISTAKES_KEPT = 1000

type Node = ParsedNode | null | undefined

/** Reads YAML 1.2 (core schema) without tags, anchors, aliases, merge keys and second documents. Never throws. */
export function readYaml (file: string, bytes: Uint8Array): Source {
  const lines = new LineCounter()
  const mistakes: Mistake[] = []
  const spoiled: Path[] = []
  // Until the text is parsed, every place is its first character.
  const found: { contents: Node } = { contents: undefined }

  function add (offset: number, path: Path, message: string, severity: Mistake['severity'] = 'error'): void {
    const { line, col } = offset === 0 ? { line: 1, col: 1 } : lines.linePos(offset)
    mistakes.push({ file, line: Math.max(line, 1), column: Math.max(col, 1), path: formatPath(path), message, severity })
  }
  function report (path: Path, message: string, { severity = 'error', on = 'value' }: ReportOptions = {}): void {
    if (mistakes.length >= MISTAKES_KEPT || spoiled.some(area => isWithin(path, area))) return
    const { offset, known } = locate(found.contents, path, on)
    add(offset, known, message, severity)
  }
  function finish (value: unknown): Source {
    return { file, value, mistakes, spoiled, report, lineOf: path => lines.linePos(locate(found.contents, path, 'value').offset).line }
  }

  const decoded = decode(bytes)
  if (typeof decoded !== 'string') {
    add(0, [], decoded.problem)
    return finish(undefined)
  }
  const text: string = decoded
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
  const { contents } = document
  found.contents = contents
  if (document.directives?.yaml.explicit === true || /^%/m.test(text.slice(0, contents?.range[0] ?? text.length))) {
    // %YAML 1.1 would turn `no` into false.
    add(0, [], 'directives (%YAML, %TAG) are refused: leave the line out')
  }
  return finish(plain(contents, []))

  function spoil (node: Node, path: Path, message: string, sign?: '!' | '&'): undefined {
    spoiled.push(path)
    // A node's range begins behind its tag and its anchor.
    const offset = node?.range[0] ?? 0
    const before = sign === undefined ? offset : text.lastIndexOf(sign, offset)
    add(text[before - 1] === sign ? before - 1 : Math.max(before, 0), path, message)
  }

  function plain (node: Node, path: Path): unknown {
    if (node === null || node === undefined) return null
    if (isAlias(node)) return spoil(node, path, 'aliases (*name) are refused: write the value out, or quote it')
    if (node.tag !== undefined) return spoil(node, path, 'tags (a word that begins with !) are refused: quote it', '!')
    if (node.anchor !== undefined) return spoil(node, path, 'anchors (&name) are refused: leave it out, or quote it', '&')
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

/** The offset of what stands at the path, or of the nearest thing around it, and the part of the path that is there. */
function locate (contents: Node, path: Path, on: 'key' | 'value'): { offset: number, known: Path } {
  let node = contents
  let offset = node?.range[0] ?? 0
  const known: PropertyKey[] = []
  for (const [at, part] of path.entries()) {
    const wantsKey = on === 'key' && at === path.length - 1
    // One thing may stand in place of a list of it.
    if (typeof part === 'number' && !isSeq(node)) continue
    if (isMap<ParsedNode, ParsedNode | null>(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && key.value === part)
      if (pair === undefined) break
      node = pair.value
      offset = (wantsKey || node === null ? pair.key : node).range[0]
    } else if (isSeq<ParsedNode>(node) && typeof part === 'number' && node.items[part] !== undefined) {
      node = node.items[part]
      offset = node.range[0]
    } else break
    known.push(part)
  }
  return { offset, known }
}

function lineAt (text: string, offset: number): string {
  const start = text.lastIndexOf('\n', Math.max(0, offset - 1)) + 1
  const end = text.indexOf('\n', start)
  return text.slice(start, end === -1 ? undefined : end)
}
