import type { ErrorCode } from 'yaml'

const QUOTE = 'quote it where it is text'

/** What a syntax error means, in words of ours: the parser's own may repeat a part of the file, and that may be a secret. */
export function syntaxMessage (code: ErrorCode, line: string): string {
  const message = MESSAGES[code] ?? 'is no YAML here'
  return line.includes('${') && !/["']/.test(line) ? `${message}; within { } or [ ] write "\${NAME}" with quotes` : message
}

const MESSAGES: Readonly<Partial<Record<ErrorCode, string>>> = {
  ALIAS_PROPS: `aliases (*name) are refused: ${QUOTE}`,
  BAD_ALIAS: `aliases (*name) are refused: ${QUOTE}`,
  BAD_DIRECTIVE: 'directives (%YAML, %TAG) are refused: leave the line out',
  BAD_DQ_ESCAPE: 'this \\ escape is unknown within "…": write \\\\ or use \'…\'',
  BAD_INDENT: 'the indentation does not fit, or a bracket or quote is not closed',
  BAD_SCALAR_START: `plain text cannot begin with this character: ${QUOTE}`,
  BLOCK_AS_IMPLICIT_KEY: `": " stands twice in one line: ${QUOTE}`,
  BLOCK_IN_FLOW: 'an indented block cannot stand within { } or [ ]',
  DUPLICATE_KEY: 'this key stands twice in this mapping',
  KEY_OVER_1024_CHARS: 'this key is too long',
  MISSING_CHAR: `something is missing here: a ":" after a key, a space, a closing quote or bracket; or ${QUOTE}`,
  MULTILINE_IMPLICIT_KEY: `a key stands on one line; is a ":" missing? Or ${QUOTE}`,
  MULTIPLE_ANCHORS: `anchors (&name) are refused: ${QUOTE}`,
  MULTIPLE_DOCS: 'holds more than one document (---): one file is one document',
  MULTIPLE_TAGS: `tags (a word that begins with !) are refused: ${QUOTE}`,
  RESOURCE_EXHAUSTION: 'is nested too deeply',
  TAB_AS_INDENT: 'a tab cannot indent: use spaces',
  TAG_RESOLVE_FAILED: `tags (a word that begins with !) are refused: ${QUOTE}`,
  UNEXPECTED_TOKEN: `this does not belong here: check the indentation, the quotes and the brackets, or ${QUOTE}`
}
