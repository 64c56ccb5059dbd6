import { malformed, MAX_TARGET } from './part.ts'
import { refuse } from '../problems.ts'

/** What can be a request target at all: visible ASCII, as on a connection. */
export function isTarget (target: string): boolean {
  if (target.length > MAX_TARGET) throw refuse('target-too-long', 'A request target in the batch is too long.')
  return /^[\x21-\x7e]+$/.test(target)
}

/** Whether a request's body is one that no reader takes for further requests. */
export function bodyTypeIsFit (contentType: string | undefined): boolean {
  return contentType === undefined || !/multipart\/|application\/http/i.test(contentType)
}

/** Takes a name by which other requests could name this one. */
export function addId (ids: Set<string>, id: string | undefined, part: number): void {
  if (id === undefined) return
  // What RFC 3986 calls unreserved, as OData 4.01 section 11.7 asks for.
  if (!/^[A-Za-z0-9._~-]{1,128}$/.test(id)) throw malformed('a request has an id with other characters than letters, digits and - . _ ~', part)
  ids.add(id.toLowerCase())
}
