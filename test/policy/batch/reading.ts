import type { Batch } from '../../../src/policy/batch/part.ts'
import { bodyReader } from '../../../src/policy/batch/read.ts'
import { Refusal } from '../../../src/policy/problems.ts'
import { MULTIPART } from '../../support/batch-body.ts'

/** What a body is read as; the code where it is refused. */
export function reading (body: string | Buffer, type = MULTIPART, maxParts = 10): Batch | string {
  return readingBy(['Host', 'a', 'Content-Type', type], body, maxParts)
}

export function readingBy (rawHeaders: readonly string[], body: string | Buffer, maxParts = 10): Batch | string {
  try {
    // One character for each byte, as on the wire.
    return bodyReader(rawHeaders)(typeof body === 'string' ? Buffer.from(body, 'latin1') : body, maxParts)
  } catch (error) {
    if (error instanceof Refusal) return error.code
    throw error
  }
}

/** `GET A` for each part. */
export function requestsOf (batch: Batch | string): string | string[] {
  return typeof batch === 'string' ? batch : batch.parts.map(({ method, target }) => `${method} ${target}`)
}
