/** A server that decodes more often than this is not known; what needs more is refused. */
export const MOST_DECODINGS = 3

/** Where a text stands behind the first parenthesis of a segment. */
interface KeyState {
  /** open parentheses; below 1 where the text closed more than there were */
  readonly depth: number
  /** whether it ends within single quotes */
  readonly quoted: boolean
}

/** What a segment has up to its first parenthesis, with it; empty where there is none. */
export function guardOf (segment: string): string {
  return segment.slice(0, segment.indexOf('(') + 1)
}

/** The state behind `text`, which follows the first parenthesis. */
export function stateAfter (text: string, from: KeyState = { depth: 1, quoted: false }): KeyState {
  let { depth, quoted } = from
  for (let at = 0; at < text.length; at++) {
    const char = text[at]
    if (char === "'") {
      // OData 4.01 part 2, section 4.3.1: a quote within quotes is doubled.
      if (quoted && text[at + 1] === "'") at++
      else quoted = !quoted
    } else if (!quoted && char === '(') depth++
    else if (!quoted && char === ')' && --depth < 0) return { depth, quoted }
  }
  return { depth, quoted }
}

/** Whether `tail` closes all that is open, and nothing more. */
export function isClosedBy (state: KeyState, tail: string): boolean {
  if (state.depth < 1) return false
  const { depth, quoted } = stateAfter(tail, state)
  return depth === 0 && !quoted
}

/** What stands at the parameter of a segment such as `Orders(:id)`, or undefined where it is no well-formed key there. */
export function keyIn (segment: string, { head, tail, quoted }: { readonly head: string, readonly tail: string, readonly quoted: boolean }): string | undefined {
  if (segment.length <= head.length + tail.length || !segment.startsWith(head) || !segment.endsWith(tail)) return undefined
  const value = segment.slice(head.length, segment.length - tail.length)
  return isKey(value, quoted) ? value : undefined
}

/**
 * Whether a text can stand at such a parameter without leaving it, however often a server decodes it: quotes are
 * closed, or doubled within quotes, and no parenthesis outside of quotes is closed that was not opened. It can stand as a
 * segment of its own as well, as a rewrite may have it: it is neither empty nor a dot segment nor $batch.
 */
export function isKey (value: string, quoted: boolean): boolean {
  let text = value
  for (let times = 0; times <= MOST_DECODINGS; times++) {
    if (text.trim() !== text || NO_SEGMENT.test(text) || !isBalanced(text, quoted)) return false
    const decoded = decodedAgain(text, times)
    if (decoded === undefined) return false
    if (decoded === text) return true
    text = decoded
  }
  return false
}

/** Percent-decoded once, or undefined where it has an escape that is malformed. */
export function decodedOnce (text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

/**
 * Percent-decoded once more, after so many times. As it was sent, a path must be well-formed; behind that a percent sign is
 * text (100%25 is 100%), and of what a server decodes all the same, every escape counts that is one. What is no UTF-8 then
 * becomes U+FFFD, which no path may have.
 * @returns undefined where what was sent is malformed
 */
export function decodedAgain (text: string, times: number): string | undefined {
  if (!text.includes('%')) return text
  return times === 0 ? decodedOnce(text) : text.replace(/(?:%[0-9a-f]{2})+/gi, escapes => UTF8.decode(Uint8Array.from(escapes.slice(1).split('%'), hex => Number.parseInt(hex, 16))))
}

const UTF8 = new TextDecoder('utf-8', { ignoreBOM: true })

// Nothing, dots alone, or $batch: between slashes that an escape may stand for (policy/grants.ts), before a semicolon, or all of it.
const NO_SEGMENT = /(?:^|[/\\])[.\s]*(?:\$batch[.\s]*)?(?:[/\\;]|$)/i

function isBalanced (text: string, quoted: boolean): boolean {
  // Within quotes there is no way out of them: a quote that is not doubled would be one.
  if (quoted) return !text.replaceAll("''", '').includes("'")
  const state = stateAfter(text, { depth: 0, quoted: false })
  return state.depth === 0 && !state.quoted
}
