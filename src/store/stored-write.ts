import type { KeptAnswer } from '../outbound/write-store.ts'

/** A write as it stands in the store, once it is opened. `answer` is there where it was carried out. */
export interface StoredWrite {
  readonly state: 'busy' | 'kept' | 'unknown'
  readonly print: string
  readonly answer?: KeptAnswer
}

export function writeStored ({ state, print, answer }: StoredWrite): string {
  return JSON.stringify({ state, print, ...answer && { status: answer.status, headers: answer.headers, body: answer.body.toString('base64') } })
}

/** @returns undefined where it is none */
export function readStored (text: string | undefined): StoredWrite | undefined {
  const stored = text === undefined ? undefined : parse(text)
  if (typeof stored !== 'object' || stored === null || !('state' in stored && 'print' in stored) || typeof stored.print !== 'string') return undefined
  const { state, print } = stored
  if (state === 'busy' || state === 'unknown') return { state, print }
  const answer = answerOf(stored)
  return state === 'kept' && answer !== undefined ? { state, print, answer } : undefined
}

function answerOf (stored: object): KeptAnswer | undefined {
  if (!('status' in stored && 'headers' in stored && 'body' in stored)) return undefined
  const { status, headers, body } = stored
  if (typeof status !== 'number' || typeof body !== 'string' || !Array.isArray(headers) || !headers.every(part => typeof part === 'string')) return undefined
  return { status, headers, body: Buffer.from(body, 'base64') }
}

// Whoever has a key may be of another version, with other ideas of what a write is.
function parse (text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
