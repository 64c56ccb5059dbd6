import type { LineCounter, ParsedNode } from 'yaml'
import { composer, readTokens, toFault, TOO_DEEP, TooMuch, type ListPart, type SyntaxFault } from './yaml-tokens.ts'

export const MAX_BYTES = 8 * 1024 * 1024

export interface Composed {
  readonly contents: ParsedNode | null
  /** in reading order */
  readonly errors: readonly SyntaxFault[]
  readonly hasYamlDirective: boolean
  /** the list whose first items went to `take`: where it begins, and where it seems to begin in `contents` */
  readonly list: { readonly offset: number, readonly at: number } | undefined
}

/** The text of a file, or what is wrong with it. */
export function decode (bytes: Uint8Array): string | { problem: string } {
  if (bytes.byteLength > MAX_BYTES) return { problem: 'is larger than 8 MiB' }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return { problem: 'is not UTF-8 text' }
  }
}

/**
 * The one YAML 1.2 document of a text, with its syntax errors; or, in words, why none was made, and where.
 * @param take gets the items of the first long list at the top, but for the last few, which stay in the document
 */
export function compose (text: string, lines: LineCounter, take: (part: ListPart) => void): Composed | { problem: string, offset: number } {
  try {
    const { tokens, list } = readTokens(text, lines, take)
    const [first, ...more] = composer().compose(tokens, true, text.length)
    if (first === undefined) return { problem: 'is empty', offset: 0 }
    if (more.length > 0) return { problem: 'holds more than one document (---): one file is one document', offset: 0 }
    const errors = [...list.errors, ...first.errors.map(toFault)].toSorted((a, b) => a.offset - b.offset)
    return { contents: first.contents, errors, hasYamlDirective: first.directives?.yaml.explicit === true, list: list.seq && { offset: list.offset, at: list.seq.offset } }
  } catch (error) {
    if (error instanceof TooMuch) return { problem: error.message, offset: error.offset }
    if (error instanceof RangeError) return { problem: TOO_DEEP, offset: 0 }
    throw error
  }
}
