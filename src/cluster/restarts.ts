/** How long a process that ended is to be waited for before another one takes its place. */
export interface Restarts {
  /** @returns ms. @param lived ms that it had run */
  delayAfter (lived: number): number
}

const FIRST = 100
const LONGEST = 30_000
/** ms: what ran for so long did not end for what it began with */
const GOOD = 60_000

/** At once, almost, where it had run well; else later each time, up to half a minute: what fails at its start fails again. */
export function createRestarts (random: () => number): Restarts {
  let failures = 0
  return {
    delayAfter (lived) {
      failures = lived >= GOOD ? 0 : failures + 1
      const delay = Math.min(FIRST * 2 ** Math.max(0, failures - 1), LONGEST)
      return delay * (0.5 + random() / 2)
    }
  }
}
