import { Cron } from 'croner'
import type { MaintenanceWindow } from './maintenance-schema.ts'
import { createWallClock, type WallClock } from './wall-clock.ts'

/** Whether windows are open at a moment, and until when that is so: the end of all that run into each other, or the next beginning. */
export interface WindowState {
  readonly isOpen: boolean
  /** ms since the epoch; Infinity where none comes any more */
  readonly until: number
}

/** Says of any moment, in ms since the epoch, how windows stand then. To be asked at edges: it costs milliseconds. */
export type Windows = (at: number) => WindowState

/** More windows that follow on each other are no maintenance any more; `checkGateway` refuses them. */
const MOST_IN_A_ROW = 50

export function createWindows (configured: readonly MaintenanceWindow[]): Windows {
  const windows = configured.map(window => window.kind === 'once' ? onceWindow(window) : repeatedWindow(window))
  return at => {
    const end = endOfAll(windows, at)
    return end === undefined
      ? { isOpen: false, until: Math.min(...windows.map(({ nextAfter }) => nextAfter(at))) }
      : { isOpen: true, until: end }
  }
}

/** True for a window that follows on itself without end. */
export function isEndless (window: MaintenanceWindow, now: number): boolean {
  if (window.kind === 'once') return false
  const one = repeatedWindow(window)
  let end = one.nextAfter(now) + window.for
  for (let count = 0; count < MOST_IN_A_ROW; count++) {
    const next = one.endAt(end)
    if (next === undefined) return false
    end = next
  }
  return true
}

interface Window {
  /** The end of it, where it is open then. */
  endAt (at: number): number | undefined
  /** The first beginning after that; Infinity where none comes. */
  nextAfter (at: number): number
}

function onceWindow ({ from, to }: Extract<MaintenanceWindow, { kind: 'once' }>): Window {
  return {
    endAt: at => from <= at && at < to ? to : undefined,
    nextAfter: at => at < from ? from : Infinity
  }
}

// The library looks for times on a clock that nobody sets: where clocks go back its own reckoning of a time zone loses the
// hour that comes twice, and it takes a hundred times as long.
function repeatedWindow ({ cron, time_zone: timeZone, for: length }: Extract<MaintenanceWindow, { kind: 'again' }>): Window {
  const pattern = new Cron(cron, { mode: '5-part', utcOffset: 0 })
  const clock = createWallClock(timeZone)
  return {
    endAt (at) {
      const shown = clock.shownAt(at)
      const reach = reachAt(clock, at)
      // Whole seconds: the one that begins at this very moment is open.
      let one: Date | undefined = new Date(Math.floor((shown + reach) / 1000) * 1000 + 1000)
      let begun = -Infinity
      do {
        [one] = pattern.previousRuns(1, one)
        const instant = one === undefined ? -Infinity : clock.instantOf(one.getTime())
        if (instant <= at) begun = Math.max(begun, instant)
      } while (one !== undefined && one.getTime() > shown - reach)
      return at < begun + length ? begun + length : undefined
    },
    nextAfter (at) {
      const shown = clock.shownAt(at)
      const reach = reachAt(clock, at)
      let one: Date | null = new Date(shown - reach)
      let next = Infinity
      do {
        one = pattern.nextRun(one)
        const instant = one === null ? Infinity : clock.instantOf(one.getTime())
        if (instant > at) next = Math.min(next, instant)
      } while (one !== null && one.getTime() < shown + reach)
      return next
    }
  }
}

/** ms: no clock is set by more */
const CHANGE = 3 * 3_600_000

// Within hours of a change what is shown later may come first: so far it is looked to both sides.
function reachAt (clock: WallClock, at: number): number {
  return clock.shownAt(at + CHANGE) - clock.shownAt(at - CHANGE) === 2 * CHANGE ? 0 : CHANGE
}

function endOfAll (windows: readonly Window[], at: number): number | undefined {
  let end: number | undefined
  for (let count = 0, moment = at; count < MOST_IN_A_ROW; count++) {
    const ends = windows.map(({ endAt }) => endAt(moment) ?? -Infinity)
    const last = Math.max(...ends)
    if (last === -Infinity) return end
    end = moment = last
  }
  return end
}
