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

  find (isIt: (one: One) => boolean): One | undefined {
    return this.#kept.find(isIt)
  }

  /** The oldest first. */
  inOrder (): One[] {
    return [...this.#kept.slice(this.#next), ...this.#kept.slice(0, this.#next)]
  }
}
