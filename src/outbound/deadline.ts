/** One timer that is moved often and set seldom: it looks at the time when it fires, and sleeps on where that has moved. */
export interface Deadline {
  /** Fires `ms` from now unless it is moved again. */
  move (ms: number): void
  stop (): void
}

export function createDeadline (onPassed: () => void): Deadline {
  let due = 0
  let timer: NodeJS.Timeout | undefined

  function sleep (ms: number): void {
    timer = setTimeout(() => {
      timer = undefined
      const left = due - performance.now()
      if (left > 0) sleep(left)
      else onPassed()
    }, ms)
  }

  return {
    move (ms) {
      const before = due
      due = performance.now() + ms
      if (timer !== undefined && due >= before) return
      clearTimeout(timer)
      sleep(ms)
    },
    stop () {
      clearTimeout(timer)
      timer = undefined
    }
  }
}
