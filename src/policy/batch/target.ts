import { fold } from '../match.ts'
import { refuse, type Refusal } from '../problems.ts'
import { decodePath, parseTarget, type Target } from '../target.ts'

/** A part's target in the gateway's paths. */
export interface PartTarget extends Target {
  /** the target began with `/`: the ERP takes it from its own root, not from that of the service */
  readonly isAbsolute: boolean
  /** what the path would be for a server that takes an absolute target from the root of the service */
  readonly otherPath: string
}

/**
 * What a part asks for, from the root of the service: the batch's own path up to its last slash. Like any request's
 * target, it is refused where it could be read in two ways.
 * @param ids by which parts can name each other, in lower case
 * @throws {Refusal} target-ambiguous, credential-in-query, batch-part-unsupported
 */
export function resolveTarget (target: string, root: string, ids: ReadonlySet<string>): PartTarget {
  const plain = decodedAll(target)
  // RFC 3986 section 4.2: what is before a colon in the first segment is a scheme.
  if (/^[a-z][a-z0-9+.-]*:/i.test(plain)) throw unsupported('its target is a whole URL; write it from the root of the service')
  // RFC 3986 section 5.3: a query alone is asked of the base itself, which is the batch.
  if (/^[?#]/.test(plain)) throw unsupported('its target has no path')
  if (refersTo(plain, ids)) throw unsupported('its target has $ and the id of a request of this batch: what that names is not known before it is made')
  const isAbsolute = target.startsWith('/')
  const { path, query } = parseTarget(isAbsolute ? target : root + target)
  const otherPath = isAbsolute ? root + path.slice(1) : path
  const below = decodePath(path.startsWith(root) ? path.slice(root.length) : path.slice(1))
  if (below.startsWith('$') || decodePath(path).startsWith('/$')) throw unsupported('its target begins with $, which is a reference to another request, or nothing that a batch may ask for')
  if (fold(decodePath(path)).split('/').some(segment => segment.startsWith('$batch'))) throw unsupported('it is a batch itself')
  return { path, query, isAbsolute, otherPath }
}

/** A part that is well-formed, and that the gateway cannot answer for. */
export function unsupported (saw: string): Refusal {
  return refuse('batch-part-unsupported', `It cannot be carried out in a batch: ${saw}.`, { saw })
}

// ASP.NET's OData library puts the location of what was made in the place of $ and an id wherever it stands, in the query
// too, and drops what is before it: GET Allowed?a=$1/Secret becomes GET …/Made(1)/Secret. The longest run of an id's
// characters is what it looks up; others take the beginning of it.
function refersTo (target: string, ids: ReadonlySet<string>): boolean {
  if (ids.size === 0) return false
  for (const [, run = ''] of target.toLowerCase().matchAll(/\$([a-z0-9._~-]+)/g)) {
    for (let length = Math.min(run.length, LONGEST_ID); length > 0; length--) if (ids.has(run.slice(0, length))) return true
  }
  return false
}

const LONGEST_ID = 128

// As often as the loosest server would; only ASCII counts here.
function decodedAll (target: string): string {
  let plain = target
  for (let times = 0; times < 3 && plain.includes('%'); times++) plain = plain.replace(/%([0-7][0-9a-f])/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))
  return plain
}
