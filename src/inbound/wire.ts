import { Duplex } from 'node:stream'

/** Whom a connection is with, as a socket says it. */
export interface Peer {
  readonly remoteAddress: string | undefined
  readonly remotePort: number | undefined
}

/** One end of a connection within the process: what is written at one end is read at the other, at the reader's pace. */
export class Wire extends Duplex {
  readonly encrypted = true
  readonly remoteAddress: string | undefined
  readonly remotePort: number | undefined
  #other: Wire | undefined
  /** the write at the other end that waits until this one is read */
  #written: (() => void) | undefined

  /** Both ends; each says that it is a connection with that peer. */
  static pair (peer: Peer): [Wire, Wire] {
    const ends: [Wire, Wire] = [new Wire(peer), new Wire(peer)]
    ends[0].#other = ends[1]
    ends[1].#other = ends[0]
    return ends
  }

  private constructor ({ remoteAddress, remotePort }: Peer) {
    super()
    this.remoteAddress = remoteAddress
    this.remotePort = remotePort
  }

  override _write (chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#other?.receive(chunk, done)
  }

  override _writev (chunks: ReadonlyArray<{ readonly chunk: Buffer }>, done: () => void): void {
    this.#other?.receive(Buffer.concat(chunks.map(({ chunk }) => chunk)), done)
  }

  override _final (done: () => void): void {
    this.#other?.receive(null, done)
  }

  override _read (): void {
    const written = this.#written
    this.#written = undefined
    written?.()
  }

  override _destroy (error: Error | null, done: (error?: Error | null) => void): void {
    const other = this.#other
    this.#written?.()
    // An end that was not said is a broken connection at the other end; one that was is read there first.
    if (other !== undefined && !this.writableFinished) process.nextTick(() => { other.destroy() })
    done(error)
  }

  /** As a socket does it: ends once all is written. */
  destroySoon (): void {
    if (this.writable) this.end()
    if (this.writableFinished) this.destroy()
    else this.once('finish', () => { this.destroy() })
  }

  private receive (chunk: Buffer | null, done: () => void): void {
    if (this.destroyed || this.push(chunk) || chunk === null) done()
    else this.#written = done
  }
}
