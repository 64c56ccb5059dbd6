/** A value of a JSON text, and where it stands. */
export type Json = Span & (
  | { readonly kind: 'object', readonly members: ReadonlyMap<string, Json> }
  | { readonly kind: 'array', readonly items: readonly Json[] }
  | { readonly kind: 'string', readonly value: string }
  /** a number, true, false, null; or whatever it is, where it was only measured */
  | { readonly kind: 'other' }
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
 * @param measured the name of members whose values are checked likewise, and not kept
 * @throws {JsonProblem}
 */
export function readJson (text: string, measured: string): Json {
  const reader = new Reader(text, measured)
  return reader.whole()
}

class Reader {
  readonly #text: string
  readonly #measured: string
  #at = 0

  constructor (text: string, measured: string) {
    this.#text = text
    this.#measured = measured
  }

  whole (): Json {
    const value = this.#value(1, true)
    if (this.#at < this.#text.length) throw wrong('something stands behind the JSON text')
    return value
  }

  // What is not kept is nothing to be put together: there may be a million of it.
  #value (depth: number, isKept: boolean): Json {
    if (depth > DEEPEST) throw wrong(`the JSON text is nested deeper than ${DEEPEST} levels`)
    this.#skipBlanks()
    const value = this.#bare(depth, this.#at, isKept)
    this.#skipBlanks()
    return value
  }

  #bare (depth: number, from: number, isKept: boolean): Json {
    switch (this.#text[from]) {
      case '{': {
        const members = this.#members(depth, isKept)
        return isKept ? { kind: 'object', members, from, to: this.#at } : NOT_KEPT
      }
      case '[': {
        const items = this.#items(depth, isKept)
        return isKept ? { kind: 'array', items, from, to: this.#at } : NOT_KEPT
      }
      case '"': {
        const value = this.#string()
        return isKept ? { kind: 'string', value, from, to: this.#at } : NOT_KEPT
      }
      case 't': case 'f': case 'n': this.#take(LITERAL); break
      default: this.#take(NUMBER)
    }
    return isKept ? { kind: 'other', from, to: this.#at } : NOT_KEPT
  }

  #members (depth: number, isKept: boolean): Map<string, Json> {
    const members = new Map<string, Json>()
    for (let more = this.#opens('}'); more; more = this.#goesOn('}')) {
      const from = this.#at
      const name = this.#string()
      if (this.#at - from !== name.length + 2) throw new JsonProblem('a name in the JSON text is written with an escape', true)
      if (members.has(name)) throw new JsonProblem('a name stands twice in one object of the JSON text', true)
      this.#skipBlanks()
      this.#expect(':')
      members.set(name, this.#member(depth + 1, isKept && name !== this.#measured))
    }
    return members
  }

  // Its length is with the blanks around it.
  #member (depth: number, isKept: boolean): Json {
    const from = this.#at
    const value = this.#value(depth, isKept)
    return isKept ? value : { kind: 'other', from, to: this.#at }
  }

  #items (depth: number, isKept: boolean): readonly Json[] {
    const items: Json[] = []
    for (let more = this.#opens(']'); more; more = this.#goesOn(']')) {
      const item = this.#value(depth + 1, isKept)
      if (isKept) items.push(item)
    }
    return items
  }

  #opens (close: string): boolean {
    this.#at++
    this.#skipBlanks()
    if (this.#text[this.#at] !== close) return true
    this.#at++
    return false
  }

  #goesOn (close: string): boolean {
    if (this.#text[this.#at] === close) {
      this.#at++
      return false
    }
    this.#expect(',')
    this.#skipBlanks()
    return true
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
    while (BLANKS.has(this.#text.charCodeAt(this.#at))) this.#at++
  }
}

const NOT_KEPT: Json = { kind: 'other', from: 0, to: 0 }

const BLANKS = new Set([0x20, 0x09, 0x0d, 0x0a])
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
