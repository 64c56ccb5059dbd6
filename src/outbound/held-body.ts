/**
 * What of a caller's body was read, kept so that it can be sent once more: by a token that was renewed, with a session
 * that was made anew, to another host. It is there over all tries of a request.
 */
export class HeldBody {
  readonly #limit: number
  #chunks: Buffer[] = []
  #bytes = 0
  #isTorn = false
  #hasEnded = false

  /** @param limit bytes; of a body that has more, nothing is kept */
  constructor (limit: number) {
    this.#limit = limit
  }

  /** Whether all that was read is here still. */
  get isThere (): boolean {
    return !this.#isTorn
  }

  /** Whether it is all of the body. */
  get isWhole (): boolean {
    return this.#hasEnded && !this.#isTorn
  }

  /** As it was read. */
  get chunks (): readonly Buffer[] {
    return this.#chunks
  }

  get bytes (): number {
    return this.#bytes
  }

  add (chunk: Buffer): void {
    if (this.#isTorn) return
    this.#bytes += chunk.length
    if (this.#bytes > this.#limit) this.letGo()
    else this.#chunks.push(chunk)
  }

  /** No more of it comes. */
  end (): void {
    this.#hasEnded = true
  }

  /** Nobody will ask for it again. */
  letGo (): void {
    this.#isTorn = true
    this.#chunks = []
  }
}
