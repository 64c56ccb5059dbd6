/**
 * A time limit that is moved often and passed seldom. One timer for the whole process looks at all that are running, so
 * that to set one, move it or stop it costs no timer of its own. It fires at most TICK late.
 */
export class Deadline {
  readonly #onPassed: () => void
  readonly #latest: number
  #due = Infinity
  /** where it stands in `running`, or -1 */
  #at = -1

  /** @param latest performance.now() at which it fires however far it was moved */
  constructor (onPassed: () => void, latest = Infinity) {
    this.#onPassed = onPassed
    this.#latest = latest
  }

  /** Fires `ms` from now unless it is moved again. */
  move (ms: number): void {
    this.#due = Math.min(performance.now() + ms, this.#latest)
    if (this.#at !== -1) return
    this.#at = running.push(this) - 1
    clock ??= setInterval(look, TICK)
  }

  stop (): void {
    if (this.#at === -1) return
    const last = running.pop()
    if (last !== undefined && last !== this) {
      last.#at = this.#at
      running[this.#at] = last
    }
    this.#at = -1
  }

  /** @param now performance.now() */
  fireIfPassed (now: number): void {
    if (now < this.#due) return
    this.stop()
    this.#onPassed()
  }
}

/** A time limit that runs. */
export interface Limit {
  stop (): void
}

/** Starts a time limit of so many ms. */
export type StartLimit = (ms: number, onPassed: () => void) => Limit

export function startDeadline (ms: number, onPassed: () => void): Limit {
  const deadline = new Deadline(onPassed)
  deadline.move(ms)
  return deadline
}

/** One that is seldom: a timer of its own, for which no process stays. */
export function startTimer (ms: number, onPassed: () => void): Limit {
  const timer = setTimeout(onPassed, ms).unref()
  return { stop () { clearTimeout(timer) } }
}

/** ms */
const TICK = 25
// No Set: its tables outlive what was in them, and so requests that are over would be kept until the next great
// collection, at three times the cost of all else that is collected.
const running: Deadline[] = []
let clock: NodeJS.Timeout | undefined

function look (): void {
  if (running.length === 0) {
    clearInterval(clock)
    clock = undefined
    return
  }
  const now = performance.now()
  // From the end: one that stops is replaced by the last, which has been looked at.
  for (let at = running.length - 1; at >= 0; at--) running[at]?.fireIfPassed(now)
}
