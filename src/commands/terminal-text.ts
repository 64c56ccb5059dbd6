/**
 * Text in which a terminal finds nothing to obey: what controls it, turns its direction, or has no width is written as
 * JSON would write it. Line breaks stay: what comes from elsewhere has been through JSON.stringify, which leaves none.
 */
export function printable (text: string): string {
  return text.replace(/(?!\n)[\p{C}\p{Zl}\p{Zp}]/gu, found => Array.from({ length: found.length }, (_, at) => `\\u${found.charCodeAt(at).toString(16).padStart(4, '0')}`).join(''))
}

/** The same on one line, whatever it is: nothing in it can pass for a line of ours. */
export function onOneLine (text: string): string {
  return printable(text.replaceAll('\n', '\\n'))
}

/** A word of the command line, for a message. */
export function quoted (word: string): string {
  return printable(JSON.stringify(word.slice(0, 100)))
}
