import { monitorEventLoopDelay } from 'node:perf_hooks'
import { getHeapStatistics } from 'node:v8'

/** What the process may come to before requests are turned away. */
export interface PressureLimits {
  /** ms; as the mean of a moment */
  readonly max_event_loop_delay?: number | undefined
  /** bytes of heap and buffers in use */
  readonly max_memory?: number | undefined
}

/** Turns a share of the requests away while there are more of them than the process can carry. */
export interface Pressure {
  /** From now on by these. */
  setLimits (limits: PressureLimits): void
  /** Whether the request that has come is one of those. */
  sheds (): boolean
  /** 0 to 1 */
  readonly share: () => number
  close (): void
}

export interface PressureSurroundings {
  /** Takes a measurement; what it gives is of the time since the last one. */
  readonly measure: () => { /** ms */ readonly delay: number, /** bytes */ readonly memory: number }
  /** 0 to 1, as Math.random */
  readonly random: () => number
  readonly onChange: (state: 'overloaded' | 'relieved') => void
  /** ms between measurements */
  readonly every?: number
}

const EVERY = 250
/** What a measurement above a limit adds to the share, and one clearly below it takes away. */
const [MORE, LESS] = [0.2, 0.1]
/** Of a limit. Between this and the limit the share stays: it would swing to and fro otherwise. */
const CLEARLY = 0.8

/**
 * All of them turned away would leave the process idle until the next look, and none of them again after it: the share
 * grows and shrinks in steps, and settles where as many are let in as can be carried.
 */
export function createPressure ({ measure, random, onChange, every = EVERY }: PressureSurroundings): Pressure {
  let share = 0
  let limits: PressureLimits = {}
  let timer: NodeJS.Timeout | undefined

  function look (): void {
    const { delay, memory } = measure()
    const load = Math.max(delay / (limits.max_event_loop_delay ?? Infinity), memory / (limits.max_memory ?? Infinity))
    const before = share
    if (load > 1) share = Math.min(1, share + MORE)
    else if (load < CLEARLY) share = Math.max(0, share - LESS)
    // Steps of tenths do not add up to exactly nothing.
    if (share < LESS / 2) share = 0
    if ((before === 0) !== (share === 0)) onChange(share === 0 ? 'relieved' : 'overloaded')
  }

  return {
    setLimits (next) {
      limits = next
      clearInterval(timer)
      timer = undefined
      if (limits.max_event_loop_delay !== undefined || limits.max_memory !== undefined) timer = setInterval(look, every).unref()
      else if (share > 0) {
        share = 0
        onChange('relieved')
      }
    },
    sheds: () => share > 0 && random() < share,
    share: () => share,
    close () { clearInterval(timer) }
  }
}

/** ms: how exactly the delay is seen. */
const RESOLUTION = 10

/**
 * Of this process. The mean delay, not the longest: a single pause is no overload. And what is in use, not what the system
 * has given (RSS), which hardly ever becomes less: past a limit of that nothing would be let in any more.
 */
export function measureProcess (): PressureSurroundings['measure'] {
  let delays: ReturnType<typeof monitorEventLoopDelay> | undefined
  return () => {
    const mean = delays?.mean ?? NaN
    // It wakes a hundred times a second: not before somebody wants to know.
    if (delays === undefined) (delays = monitorEventLoopDelay({ resolution: RESOLUTION })).enable()
    else delays.reset()
    const { used_heap_size: heap, external_memory: external } = getHeapStatistics()
    // Where nothing was recorded there is nothing to say.
    return { delay: Number.isNaN(mean) ? 0 : Math.max(0, mean / 1e6 - RESOLUTION), memory: heap + external }
  }
}
