/** A value of a JSON text, and where it stands. */
export type Json = Span & (
  | { readonly kind: 'object', readonly members: ReadonlyMap<string, Json> }
  | { readonly kind: 'array', readonly items: readonly Json[] }
  | { readonly kind: 'string', readonly value: string }
  | { readonly kind: 'number' | 'literal' }
)

interface Span {
  readonly from: number
  readonly to: number
}

/** Why a text is no JSON that all readers read alike. */
export class JsonProblem extends Error {
  override readonly name = 'JsonProblem'
  /** whether some readers take it */
  readonly isAmbiguous: boolean

  constructor (saw: string, isAmbiguous: boolean) {
    super(saw)
    this.isAmbiguous = isAmbiguous
  }
}

/** Deeper ones are refused; some readers fall over. */
const DEEPEST = 64

/**
 * Reads a JSON text by the letter of RFC 8259. Of a name that stands twice in an object some readers take the first
 * value and some the last (section 4): there is none here, and no name that is written with an escape.
 * @throws {JsonProblem}
 */
export function readJson (text: string): Json {
  const reader = new Reader(text)
  return reader.whole()
}

class Reader {
  readonly #text: string
  #at = 0

  constructor (text: string) {
    this.#text = text
  }

  whole (): Json {
    const value = this.#value(1)
    if (this.#at < this.#text.length) throw wrong('something stands behind the JSON text')
    return value
  }

  #value (depth: number): Json {
    if (depth > DEEPEST) throw wrong(`the JSON text is nested deeper than ${DEEPEST} levels`)
    this.#skipBlanks()
    const from = this.#at
    const value = this.#bare(depth)
    const to = this.#at
    this.#skipBlanks()
    return { ...value, from, to }
  }

  #bare (depth: number): Bare {
    switch (this.#text[this.#at]) {
      case '{': return { kind: 'object', members: this.#members(depth) }
      case '[': return { kind: 'array', items: this.#items(depth) }
      case '"': return { kind: 'string', value: this.#string() }
      case 't': case 'f': case 'n': this.#take(LITERAL); return { kind: 'literal' }
      default: this.#take(NUMBER); return { kind: 'number' }
    }
  }

  #members (depth: number): Map<string, Json> {
    const members = new Map<string, Json>()
    this.#list('}', () => {
      const from = this.#at
      const name = this.#string()
      if (this.#at - from !== name.length + 2) throw new JsonProblem('a name in the JSON text is written with an escape', true)
      if (members.has(name)) throw new JsonProblem('a name stands twice in one object of the JSON text', true)
      this.#skipBlanks()
      this.#expect(':')
      members.set(name, this.#value(depth + 1))
    })
    return members
  }

  #items (depth: number): Json[] {
    const items: Json[] = []
    this.#list(']', () => { items.push(this.#value(depth + 1)) })
    return items
  }

  #list (close: string, item: () => void): void {
    this.#at++
    this.#skipBlanks()
    if (this.#text[this.#at] !== close) {
      item()
      while (this.#text[this.#at] === ',') {
        this.#at++
        this.#skipBlanks()
        item()
      }
    }
    this.#expect(close)
  }

  // By hand: over a text of megabytes a regular expression runs out of memory.
  #string (): string {
    const text = this.#text
    const from = this.#at
    this.#expect('"')
    for (let code = text.charCodeAt(this.#at); code !== QUOTE; code = text.charCodeAt(this.#at)) {
      if (code === BACKSLASH) this.#take(ESCAPE)
      // NaN is the end of the text.
      else if (code >= 0x20) this.#at++
      else throw wrong('the JSON text is not well-formed')
    }
    this.#at++
    return unescaped(text.slice(from, this.#at))
  }

  #take (pattern: RegExp): string {
    pattern.lastIndex = this.#at
    const [found] = pattern.exec(this.#text) ?? []
    if (found === undefined) throw wrong('the JSON text is not well-formed')
    this.#at += found.length
    return found
  }

  #expect (character: string): void {
    if (this.#text[this.#at] !== character) throw wrong('the JSON text is not well-formed')
    this.#at++
  }

  #skipBlanks (): void {
    BLANKS.lastIndex = this.#at
    if (BLANKS.test(this.#text)) this.#at = BLANKS.lastIndex
  }
}

type Bare = Json extends infer Value ? Value extends Json ? Omit<Value, 'from' | 'to'> : never : never

const BLANKS = /[ \t\r\n]+/y
const LITERAL = /true|false|null/y
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y
// RFC 8259 section 7
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y
const QUOTE = 0x22
const BACKSLASH = 0x5c

function unescaped (written: string): string {
  if (!written.includes('\\')) return written.slice(1, -1)
  // It is a string of JSON to the letter.
  const value = JSON.parse(written) as string
  if (!value.isWellFormed()) throw new JsonProblem('a text in the JSON text has half a character', true)
  return value
}

function wrong (saw: string): JsonProblem {
  return new JsonProblem(saw, false)
}
