import { Composer, CST, isSeq, Lexer, Parser, type Document, type ErrorCode, type LineCounter, type ParsedNode } from 'yaml'

// The parser builds nested things recursively: without a bound, ten thousand brackets end the process.
const MAX_DEPTH = 40
const MAX_LEXEMES = 3_000_000
// What is held at once takes some 400 bytes for a lexeme; of a long list, no more than a part is.
const MAX_LEXEMES_HELD = 400_000
const LEXEMES_OF_A_PART = 2000
const MAX_TEXT = 64 * 1024
/** Of one list or mapping: what checks compare with each other must not be endless. */
export const MAX_ENTRIES = 20_000
// Each takes a kilobyte, and nobody reads so many.
const MAX_ERRORS = 100

/** A syntax error: of which kind, and where it begins. */
export interface SyntaxFault {
  readonly code: ErrorCode
  readonly offset: number
}

/** The first items of a long list below a key at the top; they come in parts, and are not held. */
export interface ListPart {
  readonly key: string
  readonly items: readonly ParsedNode[]
}

export const TOO_DEEP = `is nested too deeply (more than ${MAX_DEPTH} levels)`
const TOO_LARGE = 'is too large: split or shorten it'

/** More of something than is read. */
export class TooMuch extends Error {
  override readonly name = 'TooMuch'
  readonly offset: number

  constructor (message: string, offset = 0) {
    super(message)
    this.offset = offset
  }
}

// Of the lexer's own, which are not in the text.
const MARKS = [CST.DOCUMENT, CST.SCALAR, CST.FLOW_END]

/** The list that is taken in parts. */
interface LongList {
  seq?: CST.BlockSequence
  /** where it began; `seq.offset` moves on with what was taken */
  offset: number
  taken: number
  readonly errors: SyntaxFault[]
}

/**
 * The tokens of a text, but for the first items of a long list at the top, which go to `take`.
 * @throws {TooMuch}
 */
export function readTokens (text: string, lines: LineCounter, take: (part: ListPart) => void): { tokens: CST.Token[], list: LongList } {
  const parser = new Parser(lines.addNewLine)
  const tokens: CST.Token[] = []
  const list: LongList = { offset: 0, taken: 0, errors: [] }
  const seen = { length: 0, lexemes: 0, held: 0, heldBefore: 0, documents: 0, directives: 0, errors: 0 }
  let lookAt = LEXEMES_OF_A_PART
  lines.addNewLine(0)
  for (const lexeme of new Lexer().lex(text)) {
    if (lexeme.length > MAX_TEXT) throw new TooMuch('here is more than 64 KiB of text in one piece: is a quote not closed?', seen.length)
    if (!MARKS.includes(lexeme)) seen.length += lexeme.length
    seen.lexemes++
    seen.held++
    for (const token of parser.next(lexeme)) {
      tokens.push(token)
      if (token.type === 'document') seen.documents++
      if (token.type === 'directive') seen.directives++
      if (token.type === 'error') seen.errors++
    }
    if (parser.stack.length > MAX_DEPTH) throw new TooMuch(TOO_DEEP)
    const errors = seen.errors + list.errors.length
    if (seen.documents > 1 || seen.directives > MAX_ERRORS || errors > MAX_ERRORS) break
    if (seen.lexemes > MAX_LEXEMES || seen.held > MAX_LEXEMES_HELD) {
      // A mistake in the syntax may be why.
      if (errors > 0) break
      throw new TooMuch(seen.lexemes > MAX_LEXEMES ? TOO_LARGE : `${TOO_LARGE}, or begin each item of its long list with a - on a new line`)
    }
    if (seen.held < lookAt) continue
    if (seen.documents === 0 && seen.directives === 0) {
      if (list.seq === undefined) seen.heldBefore = seen.held
      if (takePart(parser.stack, list, take)) seen.held = seen.heldBefore
    }
    lookAt = seen.held + LEXEMES_OF_A_PART
  }
  tokens.push(...parser.end())
  return { tokens, list }
}

/**
 * Takes the finished items out of a list that the parser is still reading: tokens and nodes of ten thousand rules, held
 * until the last is read, cost more than all the reading. The parser comes back to the last two at most.
 */
function takePart (stack: readonly CST.Token[], list: LongList, take: (part: ListPart) => void): boolean {
  const [document, map, seq] = stack
  if (document?.type !== 'document' || map?.type !== 'block-map' || seq?.type !== 'block-seq') return false
  const { key, value } = map.items.at(-1) ?? {}
  if (key?.type !== 'scalar' || value !== undefined || seq.items.length < 3) return false
  if (list.seq === undefined) Object.assign(list, { seq, offset: seq.offset })
  else if (list.seq !== seq) return false
  const items = seq.items.splice(0, seq.items.length - 2)
  const part: CST.Document = { type: 'document', offset: seq.offset, start: [], value: { ...seq, items } }
  const [composed] = composer().compose([part])
  const contents = composed?.contents
  if (composed === undefined || !isSeq<ParsedNode>(contents)) throw new Error('a part of a list is no list')
  list.errors.push(...composed.errors.map(toFault))
  // The rest is composed as if it had these items in front of it.
  seq.offset = contents.range?.[1] ?? seq.offset
  const tooMuch = contents.items[MAX_ENTRIES - list.taken]
  if (tooMuch !== undefined && list.errors.length === 0) throw new TooMuch(`a list has no more than ${MAX_ENTRIES} items: here is the next`, tooMuch.range[0])
  list.taken += contents.items.length
  if (list.errors.length === 0) take({ key: key.source, items: contents.items })
  return true
}

/** Makes nodes of tokens: YAML 1.2, without anything that would give a value another meaning. */
export function composer () {
  return new Composer<ParsedNode>({ version: '1.2', schema: 'core', merge: false, prettyErrors: false, uniqueKeys: false, logLevel: 'silent' })
}

export function toFault ({ code, pos: [offset] }: Document['errors'][number]): SyntaxFault {
  return { code, offset }
}
