/** The last so many of what was kept. */
export class Ring<One> {
  readonly #most: number
  readonly #kept: One[] = []
  #next = 0

  constructor (most: number) {
    this.#most = most
  }

  keep (one: One): void {
    this.#kept[this.#next] = one
    this.#next = (this.#next + 1) % this.#most
  }

  /** The oldest, to be written over; a new one while there is room. */
  reused (make: () => One): One {
    const one = this.#kept[this.#next] ?? make()
    this.keep(one)
    return one
  }

  /** The oldest first. */
  inOrder (): One[] {
    return [...this.#kept.slice(this.#next), ...this.#kept.slice(0, this.#next)]
  }
}
