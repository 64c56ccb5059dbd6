import { refuse, type Refusal } from '../problems.ts'

/** One request of a batch, as it stands in its body. */
export interface Part {
  /** from 1, over the whole batch */
  readonly number: number
  /** in upper case; one of METHODS or not */
  readonly method: string
  /** as sent: visible ASCII, not empty */
  readonly target: string
  /** names of its headers as sent; no two of them are one to a CGI-like server */
  readonly headers: readonly string[]
  /** bytes */
  readonly bodyLength: number
}

/** All of a batch's requests, in order. */
export interface Batch {
  readonly parts: readonly Part[]
  /** by which requests can name each other (Content-ID, id, atomicityGroup), in lower case */
  readonly ids: ReadonlySet<string>
}

/** Longer targets are refused, as outside a batch. */
export const MAX_TARGET = 16 * 1024

/** What a caller is told of a part beside its number: as sent, without the query, and not more than anybody reads. */
export function labelOf ({ number, method, target }: Part): string {
  const [path = ''] = target.split('?', 1)
  return `Part ${number} (${method.slice(0, 10)} ${path.length > 100 ? `${path.slice(0, 100)}…` : path})`
}

/** @param part its number, where it is known */
export function malformed (saw: string, part?: number): Refusal {
  return refuse('batch-malformed', `This batch is not served: ${at(part)}${saw}.`, { saw: at(part) + saw })
}

/** @param part its number, where it is known */
export function ambiguous (saw: string, part?: number): Refusal {
  return refuse('batch-ambiguous', `This batch is not served: ${at(part)}${saw}.`, { saw: at(part) + saw })
}

/** More requests than the rule takes. */
export function tooManyParts (most: number): Refusal {
  return refuse('batch-too-large', `The batch has more than the ${most} requests that this route takes.`)
}

function at (part: number | undefined): string {
  return part === undefined ? '' : `in part ${part} `
}
