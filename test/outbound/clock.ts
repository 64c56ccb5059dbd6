import type { Limit } from '../../src/outbound/deadline.ts'

/** A clock that stands still until it is moved, and its time limits. */
export interface Clock {
  readonly now: () => number
  readonly startLimit: (ms: number, onPassed: () => void) => Limit
  /** limits that run */
  readonly running: number
  /** Moves on; limits on the way pass at their time, and what they set off goes on. */
  pass (ms: number): Promise<void>
}

interface Running extends Limit {
  readonly due: number
  readonly onPassed: () => void
}

export function createClock (): Clock {
  let time = 1_000_000
  const limits = new Set<Running>()

  function nextUntil (end: number): Running | undefined {
    const due = [...limits].filter(one => one.due <= end)
    return due.sort((one, other) => one.due - other.due)[0]
  }

  return {
    now: () => time,
    startLimit (ms, onPassed) {
      const limit: Running = { due: time + ms, onPassed, stop () { limits.delete(limit) } }
      limits.add(limit)
      return limit
    },
    get running () { return limits.size },
    async pass (ms) {
      const end = time + ms
      for (let next = nextUntil(end); next !== undefined; next = nextUntil(end)) {
        time = Math.max(time, next.due)
        limits.delete(next)
        next.onPassed()
        await settled()
      }
      time = end
      await settled()
    }
  }
}

/** What was promised has happened, as far as it needs nothing from outside. */
export async function settled (): Promise<void> {
  await new Promise(resolve => { setImmediate(resolve) })
}
