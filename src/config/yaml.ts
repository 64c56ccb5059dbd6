import { LineCounter } from 'yaml'
import { formatPath, isWithin, type Mistake, type Path, type Report, type ReportOptions } from './mistakes.ts'
import { Places } from './places.ts'
import { compose, decode } from './yaml-parse.ts'
import { readPlain } from './yaml-plain.ts'
import { syntaxMessage } from './yaml-syntax.ts'
import type { ListPart } from './yaml-tokens.ts'

/** A YAML file: its plain data, and where each part of it stands. */
export interface Source {
  readonly file: string
  /** plain data: mappings, lists, strings, numbers, booleans, null; undefined where the text is no YAML */
  readonly value: unknown
  readonly mistakes: Mistake[]
  /** what is under these was reported already */
  readonly spoiled: Path[]
  readonly report: Report
  /** so many were reported that no further one is kept */
  isFull (): boolean
  /** the lines on which the items of the list at this path begin */
  readonly linesOf: (list: Path) => readonly number[]
}

const SYNTAX_MISTAKES_SHOWN = 5
/** What comes after so many is looked at no more. */
const MISTAKES_KEPT = 1000

/** Reads YAML 1.2 (core schema) without tags, anchors, aliases, merge keys and second documents. Never throws. */
export function readYaml (file: string, bytes: Uint8Array): Source {
  const lines = new LineCounter()
  const mistakes: Mistake[] = []
  const spoiled: Path[] = []
  // Until the text is parsed, every place is its first character.
  const places = new Places()

  function isFull (): boolean {
    return mistakes.length >= MISTAKES_KEPT
  }
  function add (offset: number, path: Path, message: string, severity: Mistake['severity'] = 'error'): void {
    if (isFull()) return
    const { line, col } = offset === 0 ? { line: 1, col: 1 } : lines.linePos(offset)
    mistakes.push({ file, line: Math.max(line, 1), column: Math.max(col, 1), path: formatPath(path), message, severity })
  }
  function report (path: Path, message: string, { severity = 'error', on = 'value' }: ReportOptions = {}): void {
    if (isFull() || spoiled.some(area => isWithin(path, area))) return
    const { offset, known } = places.locate(path, on)
    add(offset, known, message, severity)
  }
  function refuse (offset: number, path: Path, message: string, spoils: boolean): void {
    if (isFull()) return
    if (spoils) spoiled.push([...path])
    add(offset, path, message)
  }
  function finish (value: unknown): Source {
    return { file, value, mistakes, spoiled, report, isFull, linesOf: list => places.itemsAt(list).map(offset => lines.linePos(offset).line) }
  }
  function fail (): Source {
    mistakes.length = 0
    spoiled.length = 0
    return finish(undefined)
  }

  const decoded = decode(bytes)
  if (typeof decoded !== 'string') {
    add(0, [], decoded.problem)
    return finish(undefined)
  }
  const text: string = decoded

  const early = { values: [] as unknown[], places: new Places() }
  function take ({ key, items }: ListPart): void {
    for (const item of items) {
      const part = early.places.begin(undefined, item.range[0], item.range[0])
      early.values.push(readPlain(item, [key, early.values.length], { text, refuse, places: early.places }))
      early.places.end(part)
    }
  }

  const document = compose(text, lines, take)
  if ('problem' in document) {
    const source = fail()
    add(document.offset, [], document.problem)
    return source
  }
  const { contents, errors, hasYamlDirective, list } = document
  if (errors.length > 0) {
    const source = fail()
    for (const { code, offset } of errors.slice(0, SYNTAX_MISTAKES_SHOWN)) add(offset, [], syntaxMessage(code, lineAt(text, offset)))
    return source
  }
  if (hasYamlDirective || /^%/m.test(text.slice(0, contents?.range[0] ?? text.length))) {
    // %YAML 1.1 would turn `no` into false.
    add(0, [], 'directives (%YAML, %TAG) are refused: leave the line out')
  }
  const root = places.begin(undefined, 0, contents?.range[0] ?? 0)
  const value = readPlain(contents, [], { text, refuse, places, early: list && { ...list, ...early } })
  places.end(root)
  return finish(value)
}

function lineAt (text: string, offset: number): string {
  const start = text.lastIndexOf('\n', Math.max(0, offset - 1)) + 1
  const end = text.indexOf('\n', start)
  return text.slice(start, end === -1 ? undefined : end)
}
