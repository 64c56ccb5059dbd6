/** When a question was asked and answered, in ms since the epoch by the clock of this machine. */
export interface Asked {
  readonly sent: number
  readonly received: number
}

/** `Date` and `Age` are whole seconds. */
const SECOND = 1000

/**
 * How far another clock is ahead of this one, in ms (behind: below 0), as far as that is certain: 0 where the difference
 * may be none. Undefined where the answer does not say the time.
 */
export function clockAhead ({ date, age }: { readonly date?: string | undefined, readonly age?: string | undefined }, { sent, received }: Asked): number | undefined {
  const said = Date.parse(date ?? '')
  if (Number.isNaN(said)) return undefined
  // A cache tells when it got the answer, and how long ago (RFC 9111 section 4.2.3).
  const isOld = /^\d{1,9}$/.test(age ?? '')
  const from = said + (isOld ? Number(age) * SECOND - SECOND : 0)
  const to = from + SECOND + (isOld ? 2 * SECOND : 0)
  const [least, most] = [from - received, to - sent]
  if (least > 0) return least
  return most < 0 ? most : 0
}
