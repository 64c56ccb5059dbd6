import { Composer, Lexer, Parser, type Document, type LineCounter } from 'yaml'

const MAX_BYTES = 1024 * 1024
// The parser builds nested things recursively: without a bound, ten thousand brackets end the process.
const MAX_DEPTH = 40
const MAX_LEXEMES = 120_000

/** The text of a file, or what is wrong with it. */
export function decode (bytes: Uint8Array): string | { problem: string } {
  if (bytes.byteLength > MAX_BYTES) return { problem: 'is larger than 1 MiB' }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return { problem: 'is not UTF-8 text' }
  }
}

/** The one YAML 1.2 document of a text, with its syntax errors; or, in words, why none was made. */
export function compose (text: string, lines: LineCounter): Document.Parsed | string {
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
