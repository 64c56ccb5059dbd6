// Control characters, and those that reorder or hide what stands around them: a claim must not write on the terminal.
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu

/** Text of somebody else's for a terminal: on one line, and nothing in it is an instruction. */
export function printable (text: string): string {
  return text.replace(UNPRINTABLE, character => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`)
}
