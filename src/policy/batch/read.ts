import { foldName } from './fields.ts'
import { readJsonBatch } from './json.ts'
import { BOUNDARY, readMultipart } from './multipart.ts'
import { ambiguous, malformed, type Batch } from './part.ts'

/** Reads a batch's body, of which there are two formats. */
export type BodyReader = (body: Buffer, maxParts: number) => Batch

/**
 * Says by the headers of a batch request how its body is to be read.
 * @param rawHeaders flat, as sent
 * @throws {Refusal} batch-malformed, batch-ambiguous
 */
export function bodyReader (rawHeaders: readonly string[]): BodyReader {
  const type = typeOf(rawHeaders)
  const boundary = MULTIPART.exec(type)?.[1]
  if (boundary !== undefined) return (body, maxParts) => readMultipart(body, boundary, maxParts)
  if (JSON_TYPE.test(type)) return readJsonBatch
  throw malformed('its Content-Type is neither multipart/mixed with a plain boundary nor application/json')
}

const MULTIPART = new RegExp(`^multipart/mixed[ \\t]*;[ \\t]*boundary=(${BOUNDARY})$`, 'i')
const JSON_TYPE = /^application\/json(?:[ \t]*;[ \t]*(?:charset=utf-8|(?:odata\.)?metadata=(?:minimal|full|none)|(?:odata\.)?streaming=(?:true|false)|ieee754compatible=(?:true|false)))*$/i

function typeOf (rawHeaders: readonly string[]): string {
  let type: string | undefined
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? ''
    const folded = foldName(name)
    // Compressed, it would have to be unpacked by somebody; another base would make other paths of relative ones.
    if (CHANGES_THE_READING.has(folded)) throw malformed(`${folded} has no place in a batch request`)
    if (folded !== 'content-type') continue
    if (type !== undefined || name.toLowerCase() !== folded) throw ambiguous('Content-Type stands twice, or in another spelling')
    type = rawHeaders[at + 1] ?? ''
  }
  return type ?? ''
}

const CHANGES_THE_READING = new Set(['content-encoding', 'content-transfer-encoding', 'content-location', 'content-base'])
