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
const EDGE_SPACE = /\/\s|\s(?:\/|$)/

/**
 * Cuts the target, and refuses one that a server behind the gateway could read as another path: whoever
 * authorises one reading and sends bytes that allow a second one has authorised nothing.
 * @throws {Refusal} target-ambiguous, credential-in-query
 */
export function parseTarget (target: string): Target {
  const mark = target.indexOf('?')
  const path = mark === -1 ? target : target.slice(0, mark)
  const query = mark === -1 ? '' : target.slice(mark)
  assertOneReading(path)
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

function assertOneReading (path: string): void {
  if (!path.startsWith('/')) throw ambiguous('only targets that begin with / are served')
  if (path.includes('//')) throw ambiguous('the path has an empty segment')
  if (path.includes('/.') && DOT_SEGMENT.test(path)) throw ambiguous('the path has a dot segment')
  if (isPlainPath(path)) return
  // GET /customers/7\bank matches /customers/:id, yet arrives as /customers/7/bank.
  if (/[\\#;]/.test(path)) throw ambiguous('the path has one of \\ # ;')
  if (!PRINTABLE_ASCII.test(path)) throw ambiguous('the path has characters that must be percent-encoded')
  if (TELLING_ESCAPE.test(path)) throw ambiguous('the path has an escape that changes its structure when decoded')
  const decoded = decoded1(path)
  if (decoded === undefined) throw ambiguous('the path has a malformed escape')
  if (INVISIBLE.test(decoded)) throw ambiguous('the path has an encoded invisible character')
  if (EDGE_SPACE.test(decoded)) throw ambiguous('a segment of the path begins or ends with a space')
}

function decoded1 (path: string): string | undefined {
  try {
    return decodeURIComponent(path)
  } catch {
    return undefined
  }
}

/** RFC 6750 section 2.3 lets a token stand in the query, where every log keeps it; RFC 9700 section 4.3.2 forbids it. */
function assertNoTokenInQuery (query: string): void {
  if (!/token|%/i.test(query)) return
  for (const pair of query.slice(1).split(/[&;]/)) {
    const name = decoded1(pair.split('=', 1)[0] ?? '')?.trim().toLowerCase()
    if (name === 'access_token' || name === 'id_token') {
      throw refuse('credential-in-query', 'A token in the query ends up in logs. Send it in the Authorization header.')
    }
  }
}

function ambiguous (saw: string): Refusal {
  return refuse('target-ambiguous', `This target is not served: ${saw}.`, { saw })
}
