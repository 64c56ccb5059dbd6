import { decodedOnce } from './key.ts'
import { refuse, type Refusal } from './problems.ts'

/** A target longer than this is refused before it is looked at. */
export const MAX_TARGET = 16 * 1024

/** A request target in origin-form (RFC 9112 section 3.2.1), cut at its first `?`. */
export interface Target {
  /** as sent; begins with `/` */
  readonly path: string
  /** as sent, with its `?`; empty where there is none */
  readonly query: string
}

// What RFC 3986 section 3.3 lets stand in a path without an escape, less `;`: such a path decodes to itself.
const PLAIN_PATH = /^[A-Za-z0-9\-._~!$&'()*+,=:@/]*$/
const PRINTABLE_ASCII = /^[\x21-\x7e]*$/
const DOT_SEGMENT = /\/\.\.?(?:\/|$)/
// The escapes of . / \ % ; # ? and of the ASCII control characters.
const TELLING_ESCAPE = /%(?:2e|2f|5c|25|3b|23|3f|[01][0-9a-f]|7f)/i
// C1 controls and what is not seen when printed: soft hyphen, zero-width and bidirectional marks, BOM, tags.
const INVISIBLE = /[\u0080-\u009f\u2028-\u202e\ufff0-\uffff]|\p{Default_Ignorable_Code_Point}/u
const FORBIDDEN = /[#?\x00-\x1f\x7f]/
const EDGE_SPACE = /\/\s|\s(?:\/|$)/

/** Whether the rule that a path meets admits on purpose what every other is refused for (policy/grants.ts). */
export type Admits = (method: string, path: string) => boolean

/**
 * Cuts the target, and refuses one that a server behind the gateway could read as another path: whoever
 * authorises one reading and sends bytes that allow a second one has authorised nothing.
 * @param admits undefined where no rule admits anything more
 * @throws {Refusal} target-ambiguous, credential-in-query
 */
export function parseTarget (target: string, method = '', admits?: Admits): Target {
  const mark = target.indexOf('?')
  const path = mark === -1 ? target : target.slice(0, mark)
  const query = mark === -1 ? '' : target.slice(mark)
  const saw = whyAmbiguous(path)
  if (saw !== undefined && admits?.(method, path) !== true) throw ambiguous(saw)
  if (query.includes('#')) throw ambiguous('a fragment has no place in a request target')
  if (query.length > 1) assertNoTokenInQuery(query)
  return { path, query }
}

/** Whether the path has nothing but characters that need no escape: it is its own decoding, and its own encoding. */
export function isPlainPath (path: string): boolean {
  return PLAIN_PATH.test(path)
}

/** The path, percent-decoded once. Call it on a path that `parseTarget` let through: it cannot throw then. */
export function decodePath (path: string): string {
  return isPlainPath(path) ? path : decodeURIComponent(path)
}

/** Whether a decoded path has what no path may have once its escapes are gone. */
export function isFlawed (decoded: string): boolean {
  return decoded.includes('//') || DOT_SEGMENT.test(decoded) || FORBIDDEN.test(decoded) || INVISIBLE.test(decoded) || EDGE_SPACE.test(decoded)
}

/** Why a path has more than one reading, in words; undefined where it has one. */
export function whyAmbiguous (path: string): string | undefined {
  if (!path.startsWith('/')) return 'only targets that begin with / are served'
  if (path.includes('//')) return 'the path has an empty segment'
  if (path.includes('/.') && DOT_SEGMENT.test(path)) return 'the path has a dot segment'
  if (isPlainPath(path)) return undefined
  // GET /customers/7\bank matches /customers/:id, yet arrives as /customers/7/bank.
  if (/[\\#;]/.test(path)) return 'the path has one of \\ # ;'
  if (!PRINTABLE_ASCII.test(path)) return 'the path has characters that must be percent-encoded'
  if (TELLING_ESCAPE.test(path)) return 'the path has an escape that changes its structure when decoded'
  const decoded = decodedOnce(path)
  if (decoded === undefined) return 'the path has a malformed escape'
  if (INVISIBLE.test(decoded)) return 'the path has an encoded invisible character'
  if (EDGE_SPACE.test(decoded)) return 'a segment of the path begins or ends with a space'
  return undefined
}

/** RFC 6750 section 2.3 lets a token stand in the query, where every log keeps it; RFC 9700 section 4.3.2 forbids it. */
function assertNoTokenInQuery (query: string): void {
  if (!/token|%/i.test(query)) return
  for (const pair of query.slice(1).split(/[&;]/)) {
    const name = decodedOnce(pair.split('=', 1)[0] ?? '')?.trim().toLowerCase()
    if (name === 'access_token' || name === 'id_token') {
      throw refuse('credential-in-query', 'A token in the query ends up in logs. Send it in the Authorization header.')
    }
  }
}

function ambiguous (saw: string): Refusal {
  return refuse('target-ambiguous', `This target is not served: ${saw}.`, { saw })
}
