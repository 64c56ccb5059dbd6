/** Something fetched from an IdP that requests wait for: at most one attempt at a time, and a pause after a failed one. */
export interface Attempts {
  /**
   * Joins the attempt that is under way or begins one; within the pause after a failure it fails at once.
   * @throws what the attempt threw
   */
  run (): Promise<void>
  readonly underWay: boolean
  /** whether the last one that ended had failed */
  readonly failing: boolean
  /** milliseconds until a next attempt may begin */
  readonly pause: number
}

const FIRST_PAUSE = 250
/** Failed fetches are tried again never more than this apart while a request wants them. */
const LONGEST_PAUSE = 5000

export function createAttempts (fetch: () => Promise<void>, now: () => number): Attempts {
  let current: Promise<void> | undefined
  let failures = 0
  let notBefore = 0
  let lastError: unknown

  function pause (): number {
    const left = notBefore - now()
    // A clock that was set back must not make a pause of an hour.
    return left > LONGEST_PAUSE ? 0 : Math.max(0, left)
  }

  async function attempt (): Promise<void> {
    try {
      await fetch()
      failures = 0
      notBefore = 0
    } catch (error) {
      lastError = error
      const longest = Math.min(FIRST_PAUSE * 2 ** failures++, LONGEST_PAUSE)
      // Jitter, so that replicas that failed together do not come back together.
      notBefore = now() + longest * (0.5 + Math.random() / 2)
      throw error
    } finally {
      current = undefined
    }
  }

  return {
    run () {
      if (current === undefined && pause() > 0) return Promise.reject(lastError)
      current ??= attempt()
      return current
    },
    get underWay () {
      return current !== undefined
    },
    get failing () {
      return failures > 0
    },
    get pause () {
      return pause()
    }
  }
}
