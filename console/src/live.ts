import { useEffect, useRef, useState } from 'preact/hooks'
import type { Sample, Told } from '../../src/observe/snapshot.ts'
import { Answered, gateway, Unauthorized } from './gateway.ts'
import { merged } from './series.ts'

/** What the page knows of the gateway. */
export interface Live {
  readonly told: Told | undefined
  /** of the last ten minutes, as far as they are known */
  readonly samples: readonly Sample[]
  /** requests per second of each rule, over the last half minute */
  readonly rateOf: (rule: string) => number | undefined
  /** since when it does not answer; undefined while it does */
  readonly lostSince: Date | undefined
  /** what it answers instead, where it does */
  readonly problem: string | undefined
  readonly wantsToken: boolean
  readonly paused: boolean
  readonly setPaused: (paused: boolean) => void
  /** Asks at once. */
  readonly again: () => void
}

/** ms between two questions, while it answers and while it does not */
const EVERY = 2000
const WHEN_LOST = 5000
const SPAN = 10 * 60_000
const RATE_SPAN = 30_000

/** Asks the gateway how it stands, every two seconds, while somebody can see the page and has not paused it. */
export function useLive (): Live {
  const [state, setState] = useState<Pick<Live, 'told' | 'lostSince' | 'problem' | 'wantsToken'> & { readonly samples: readonly Sample[] }>({ told: undefined, samples: [], lostSince: undefined, problem: undefined, wantsToken: false })
  const [paused, setPaused] = useState(false)
  const [turn, setTurn] = useState(0)
  const counts = useRef<ReadonlyArray<{ readonly time: number, readonly byRule: ReadonlyMap<string, number> }>>([])
  const latest = useRef(0)

  useEffect(() => {
    if (paused) return
    let timer: number | undefined
    let over = false
    let asking = false

    async function look (): Promise<void> {
      clearTimeout(timer)
      if (over || asking || document.hidden) return
      asking = true
      const wait = await ask()
      asking = false
      // An answer may come when nobody waits for it any more.
      if (!over && wait !== undefined && !document.hidden) timer = window.setTimeout(() => { void look() }, wait)
    }

    async function ask (): Promise<number | undefined> {
      try {
        const told = await gateway.snapshot(Date.now() - latest.current > 4 * EVERY)
        if (over) return undefined
        latest.current = Date.now()
        const { time, totals, history = [] } = told
        const byRule = new Map(told.traffic.map(({ rule, ends }) => [rule, ends.reduce((sum, { count }) => sum + count, 0)]))
        counts.current = [...counts.current.filter(one => one.time >= time - RATE_SPAN && one.time < time), { time, byRule }]
        setState(before => ({ told, samples: merged(merged(before.samples, history, SPAN), [{ time, ...totals }], SPAN), lostSince: undefined, problem: undefined, wantsToken: false }))
        return EVERY
      } catch (error) {
        if (over) return undefined
        if (error instanceof Unauthorized) {
          setState(before => ({ ...before, wantsToken: true }))
          return undefined
        }
        const problem = error instanceof Answered ? error.message : undefined
        setState(before => ({ ...before, problem, lostSince: before.lostSince ?? new Date() }))
        return WHEN_LOST
      }
    }

    const seen = (): void => { void look() }
    document.addEventListener('visibilitychange', seen)
    void look()
    return () => {
      over = true
      clearTimeout(timer)
      document.removeEventListener('visibilitychange', seen)
    }
  }, [paused, turn])

  function rateOf (rule: string): number | undefined {
    const [first] = counts.current
    const last = counts.current.at(-1)
    if (first === undefined || last === undefined || first === last) return undefined
    const count = (last.byRule.get(rule) ?? 0) - (first.byRule.get(rule) ?? 0)
    return count < 0 ? undefined : count / ((last.time - first.time) / 1000)
  }

  return { ...state, rateOf, paused, setPaused, again: () => { setTurn(before => before + 1) } }
}
