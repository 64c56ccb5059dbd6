/** How many slices a window has: what happened leaves it a slice at a time. */
const SLICES = 10

/** How many of something, and how many of them were of the kind that is looked for, in the last so many ms. */
export class Recent {
  readonly #slice: number
  readonly #now: () => number
  readonly #all: number[] = []
  readonly #marked: number[] = []
  /** the number of the latest slice, counted from the beginning of time */
  #latest: number

  /**
   * @param window ms
   * @param now ms, of a clock that is not set back
   */
  constructor (window: number, now: () => number) {
    this.#slice = window / SLICES
    this.#now = now
    this.#latest = this.#current()
    this.clear()
  }

  count (marked: boolean): void {
    this.#move()
    const at = this.#latest % SLICES
    this.#all[at] = (this.#all[at] ?? 0) + 1
    if (marked) this.#marked[at] = (this.#marked[at] ?? 0) + 1
  }

  get all (): number {
    this.#move()
    return sum(this.#all)
  }

  get marked (): number {
    this.#move()
    return sum(this.#marked)
  }

  clear (): void {
    this.#all.splice(0, SLICES, ...EMPTY)
    this.#marked.splice(0, SLICES, ...EMPTY)
  }

  #current (): number {
    return Math.floor(this.#now() / this.#slice)
  }

  #move (): void {
    const current = this.#current()
    for (const last = this.#latest + SLICES; this.#latest < current && this.#latest < last;) {
      this.#latest++
      this.#all[this.#latest % SLICES] = 0
      this.#marked[this.#latest % SLICES] = 0
    }
    this.#latest = Math.max(this.#latest, current)
  }
}

const EMPTY: readonly number[] = Array.from({ length: SLICES }, () => 0)

function sum (numbers: readonly number[]): number {
  let total = 0
  for (const number of numbers) total += number
  return total
}
