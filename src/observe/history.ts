import type { Sample } from './snapshot.ts'

/** The last so many samples, the oldest first. */
export class History {
  readonly #most: number
  readonly #ring: Sample[] = []
  #next = 0

  constructor (most: number) {
    this.#most = most
  }

  keep (sample: Sample): void {
    this.#ring[this.#next] = sample
    this.#next = (this.#next + 1) % this.#most
  }

  all (): Sample[] {
    return [...this.#ring.slice(this.#next), ...this.#ring.slice(0, this.#next)]
  }
}
