import { setTimeout as sleep } from 'node:timers/promises'
import { pauseBefore } from './client.ts'

/** Whether something is there, as far as it is known. While it is away nobody asks it but a probe in the background. */
export interface Circuit {
  readonly isUp: boolean
  found (): void
  /** @param grace ms in which it may be there after all */
  lost (problem: string, grace: number): void
  /** Finds out now. */
  probe (): void
  /** Whether it is there. Where that is not certain yet (at the start, or after one late answer) it waits a moment. */
  whetherUp (): Promise<boolean>
  close (): void
}

export interface CircuitOptions {
  /** Finds out, and says it by `found` or `lost`; it never rejects. */
  readonly probe: () => Promise<void>
  /** It came or went. @param problem in fixed words, where it went */
  readonly onChange: (up: boolean, problem: string) => void
  /** ms at the start in which it may still come */
  readonly grace: number
}

/** ms between probes of one that is up: what nobody asks may have gone, too */
const PULSE = 2000
/** ms that it has to stay to be found at once the next time */
const STAY = 10_000
/** ms between looks of those who wait */
const LOOK = 20

export function createCircuit ({ probe, onChange, grace: startGrace }: CircuitOptions): Circuit {
  let state: 'unknown' | 'up' | 'away' = 'unknown'
  /** performance.now() until when it may be there after all */
  let uncertainUntil = performance.now() + startGrace
  let upSince = 0
  /** failed probes, and short stays between them */
  let failures = 0
  let timer: NodeJS.Timeout | undefined
  let closed = false

  function probeNow (): void {
    clearTimeout(timer)
    timer = undefined
    if (!closed) void probe()
  }

  function probeIn (ms: number): void {
    clearTimeout(timer)
    timer = setTimeout(probeNow, ms).unref()
  }

  function isUncertain (): boolean {
    return state !== 'up' && !closed && performance.now() < uncertainUntil
  }

  return {
    get isUp () {
      return state === 'up' && !closed
    },
    found () {
      if (closed) return
      probeIn(PULSE)
      if (state === 'up') return
      state = 'up'
      upSince = performance.now()
      onChange(true, '')
    },
    lost (problem, grace) {
      if (closed) return
      if (state === 'away') {
        // Of many that fail at once, one has called for the next probe.
        if (timer === undefined) probeIn(pauseBefore(++failures))
        return
      }
      const now = performance.now()
      // One that comes and goes is asked less often each time.
      failures = state === 'up' && now - upSince < STAY ? failures + 1 : 0
      state = 'away'
      uncertainUntil = now + grace
      onChange(false, problem)
      probeIn(pauseBefore(failures))
    },
    probe: probeNow,
    async whetherUp () {
      while (isUncertain()) await sleep(LOOK, undefined, { ref: false })
      return state === 'up' && !closed
    },
    close () {
      closed = true
      clearTimeout(timer)
    }
  }
}
