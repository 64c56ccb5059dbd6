/** What clocks show in a time zone: read as if it were UTC, in ms. */
export interface WallClock {
  shownAt (instant: number): number
  /**
   * The instant at which it is shown: the first one, where clocks go back and show it twice. Where they go forward and
   * never show it, it is as much later as they went.
   */
  instantOf (shown: number): number
}

const DAY = 24 * 3_600_000

/** @param timeZone of the IANA database */
export function createWallClock (timeZone: string): WallClock {
  const format = new Intl.DateTimeFormat('en', { timeZone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' })

  function shownAt (instant: number): number {
    const parts = new Map(format.formatToParts(instant).map(({ type, value }) => [type, Number(value)]))
    const part = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type) ?? 0
    const seconds = Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second'))
    return seconds + (instant - Math.floor(instant / 1000) * 1000)
  }

  return {
    shownAt,
    instantOf (shown) {
      // Clocks are set at most once within two days.
      const [before = 0, after = 0] = [shown - DAY, shown + DAY].map(near => shown - (shownAt(near) - near))
      const shownThen = [before, after].filter(instant => shownAt(instant) === shown)
      return shownThen.length === 0 ? before : Math.min(...shownThen)
    }
  }
}
