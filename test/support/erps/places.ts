/** The requests that an ERP works at, of which it allows so many at once and refuses the rest. */
export class Places {
  /** how many at once */
  limit: number
  open = 0
  /** the most that were ever open at once, those that were refused counted */
  peak = 0
  refused = 0
  #held: Promise<void> | undefined

  constructor (limit: number) {
    this.limit = limit
  }

  /** Does the work in a place, or says false where there is none. Its place is free before its answer is on its way. */
  async take (work: () => () => void): Promise<boolean> {
    this.peak = Math.max(this.peak, this.open + 1)
    if (this.open >= this.limit) {
      this.refused += 1
      return false
    }
    this.open += 1
    let answer: () => void
    try {
      answer = work()
      await this.#held
    } finally {
      this.open -= 1
    }
    answer()
    return true
  }

  /** From now on no request comes to an end; until what is given back is called. */
  hold (): () => void {
    let release: () => void = () => {}
    this.#held = new Promise(resolve => { release = resolve })
    return () => {
      this.#held = undefined
      release()
    }
  }
}
