import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { refuse } from '../policy/problems.ts'
import type { HeldBody } from './held-body.ts'

/**
 * A caller's body on its way to the upstream: byte for byte, with the upstream's backpressure, up to a limit.
 * It stands between the two so that an upstream that stops reading does not cost the caller its connection, on which
 * the answer still has to go out.
 */
export class CallerBody extends Readable {
  /** bytes read from the caller */
  bytes = 0
  /** whether all of it has arrived */
  arrived = false
  readonly #request: IncomingMessage
  readonly #limit: number
  readonly #onActivity: () => void
  readonly #held: HeldBody | undefined

  /**
   * @param limit bytes; more end the stream with a Refusal body-too-large
   * @param onActivity called as bytes arrive, and once more at the end
   * @param held what an attempt before this has read of it, and what is to be kept for the next
   */
  constructor (request: IncomingMessage, limit: number, onActivity: () => void, held?: HeldBody) {
    super({ highWaterMark: 65_536 })
    this.#request = request
    this.#limit = limit
    this.#onActivity = onActivity
    this.#held = held
    for (const chunk of held?.chunks ?? []) {
      this.bytes += chunk.length
      this.push(chunk)
    }
    // Nothing is left of it: it is held whole, or is an empty one that an attempt before this has read.
    if (held?.isWhole === true || request.readableEnded) {
      this.arrived = true
      this.push(null)
      return
    }
    request.on('data', this.#take)
    request.once('end', this.#finish)
    request.pause()
  }

  override _read (): void {
    this.#request.resume()
  }

  override _destroy (error: Error | null, callback: (error?: Error | null) => void): void {
    this.#request.off('data', this.#take)
    this.#request.off('end', this.#finish)
    // Left to flow, it would lose what arrives until the next one listens.
    this.#request.pause()
    callback(error)
  }

  readonly #take = (chunk: Buffer): void => {
    this.bytes += chunk.length
    this.#onActivity()
    if (this.bytes > this.#limit) {
      this.destroy(bodyTooLarge(this.#limit))
      return
    }
    this.#held?.add(chunk)
    if (!this.push(chunk)) this.#request.pause()
  }

  readonly #finish = (): void => {
    this.arrived = true
    this.#held?.end()
    this.push(null)
    this.#onActivity()
  }
}

export function bodyTooLarge (limit: number) {
  return refuse('body-too-large', `The body is larger than the ${limit} bytes that this route takes.`)
}
