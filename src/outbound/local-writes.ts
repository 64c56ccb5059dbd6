import { createHash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { refuse } from '../policy/problems.ts'
import type { Limit } from './deadline.ts'
import type { Begun, KeptAnswer, Settled, WriteStore } from './write-store.ts'

/** What it may take. */
export interface MemoryBounds {
  /** writes that are over, and as many that are under way */
  readonly max: number
  /** bytes, as they are estimated */
  readonly max_size: number
}

export interface LocalWrites extends WriteStore {
  readonly size: () => number
}

interface Over {
  readonly print: string
  /** undefined where the outcome is unknown */
  readonly answer: KeptAnswer | undefined
}

interface UnderWay {
  readonly print: string
  readonly waiting: Set<() => void>
}

/** bytes that a write takes beside what it holds, about */
const OVERHEAD = 500

/**
 * The writes of one process. One that is under way is never forgotten; of those that are over, the one that was not asked
 * for longest goes first where there are too many: it is as if it had never been.
 */
export function createLocalWrites ({ max, max_size: maxSize }: MemoryBounds): LocalWrites {
  const underWay = new Map<string, UnderWay>()
  const over = new LRUCache<string, Over>({ max, maxSize, sizeCalculation: sizeOf })

  function first (name: string, print: string, ttl: number): Begun {
    if (underWay.size >= max) throw refuse('overloaded', 'More writes are under way than this gateway can keep in mind. Try again shortly.', { headers: { 'Retry-After': '1' } })
    const waiting = new Set<() => void>()
    underWay.set(name, { print, waiting })
    return {
      kind: 'first',
      async settle (settled) {
        underWay.delete(name)
        if (settled.kind !== 'free') over.set(name, fitting({ print, answer: answerOf(settled) }), { ttl })
        for (const onOver of [...waiting]) onOver()
      }
    }
  }

  // What the memory cannot take would be forgotten at once, and carried out again.
  function fitting (write: Over): Over {
    return sizeOf(write) <= maxSize ? write : { ...write, answer: undefined }
  }

  return {
    size: () => over.size + underWay.size,
    begin (secret, print, ttl) {
      const name = createHash('sha256').update(secret).digest('base64url')
      const busy = underWay.get(name)
      if (busy !== undefined) return { kind: 'busy', print: busy.print, whenOver: onOver => whenOver(busy.waiting, onOver) }
      const known = over.get(name)
      if (known === undefined) return first(name, print, ttl)
      return known.answer === undefined ? { kind: 'unknown', print: known.print } : { kind: 'kept', print: known.print, answer: known.answer }
    }
  }
}

function whenOver (waiting: Set<() => void>, onOver: () => void): Limit {
  waiting.add(onOver)
  return { stop () { waiting.delete(onOver) } }
}

function answerOf (settled: Settled): KeptAnswer | undefined {
  return settled.kind === 'kept' ? settled.answer : undefined
}

function sizeOf ({ answer }: Over): number {
  return OVERHEAD + (answer === undefined ? 0 : answer.body.length + answer.headers.reduce((sum, part) => sum + part.length, 0))
}
