import { setTimeout as sleep } from 'node:timers/promises'
import { startTimer } from '../outbound/deadline.ts'
import type { Begun, Settled, WriteStore } from '../outbound/write-store.ts'
import { refuse } from '../policy/problems.ts'
import { BEGIN, RENEW, SETTLE } from './commands.ts'
import { StoreAway, type Connection } from './connection.ts'
import type { Sealing } from './sealed.ts'
import { readStored, writeStored, type StoredWrite } from './stored-write.ts'

export interface SharedWritesOptions {
  readonly connection: Connection
  readonly sealing: Sealing
  readonly prefix: string
  /** Something stands in the place of a write that none of the keys has sealed for this place. */
  readonly onUnreadable: () => void
}

/** ms for one command: an answer may be of megabytes. */
const COMMAND = 1000
/** ms for which a replica that says nothing is taken to be there */
const LEASE = 15_000
const RENEWED_EVERY = 4000
/** ms between looks at a write that somebody carries out */
const LOOK = 50
/** ms between tries to say how a write ended, and so many of them */
const AGAIN = 500
const TRIES = 20

/**
 * Writes in Redis, sealed. While a replica carries one out it holds a lease; where that ends and nothing was said, the
 * replica is gone, and nobody knows what became of the write.
 */
export function createSharedWrites (options: SharedWritesOptions): WriteStore {
  return { begin: async (name, print, ttl) => await new SharedWrite(options, name, print, ttl).begin() }
}

class SharedWrite {
  readonly #options: SharedWritesOptions
  readonly #print: string
  readonly #ttl: number
  readonly #places: readonly string[]
  readonly #leases: readonly string[]
  readonly #place: string
  readonly #lease: string
  /** what says that it is this one's to carry out: sealed, no two are the same */
  #marker = ''

  constructor (options: SharedWritesOptions, name: string, print: string, ttl: number) {
    const names = options.sealing.namesOf(`write ${name}`)
    this.#options = options
    this.#print = print
    this.#ttl = ttl
    this.#places = names.map(one => `${options.prefix}:write:${one}`)
    this.#leases = names.map(one => `${options.prefix}:lease:${one}`)
    this.#place = this.#places[0] ?? ''
    this.#lease = this.#leases[0] ?? ''
  }

  /** @throws {Refusal} store-unavailable: to go on without it might carry out twice what another replica carries out */
  async begin (): Promise<Begun> {
    if (!await this.#options.connection.whetherUp()) throw storeUnavailable()
    try {
      // A repeat looks again and again, and puts nothing: a key serves so many sealed texts and no more.
      return await this.#look() ?? await this.#take()
    } catch (error) {
      if (error instanceof StoreAway) throw storeUnavailable()
      throw error
    }
  }

  async #look (): Promise<Begun | undefined> {
    const found = await this.#options.connection.run('write', client => client.mget(...this.#places, ...this.#leases), COMMAND)
    const at = this.#places.findIndex((_place, at) => typeof found[at] === 'string')
    return at === -1 ? undefined : this.#known(at, found[at] ?? '', typeof found[this.#places.length + at] === 'string')
  }

  async #take (): Promise<Begun> {
    const { connection } = this.#options
    const keys = [...this.#places, ...this.#leases]
    this.#marker = this.#sealed({ state: 'busy', print: this.#print })
    try {
      const found = await connection.run('write', client => client.eval(BEGIN, keys.length, ...keys, this.#marker, Math.max(this.#ttl, LEASE), LEASE), COMMAND)
      if (found === null) return this.#first()
      const [place, sealed, hasLease] = found as readonly [number, string, number]
      return this.#known(place - 1, sealed, hasLease === 1)
    } catch (error) {
      // It may have been put all the same, and nothing was sent.
      if (error instanceof StoreAway) void this.#tellAgain(this.#textOf({ kind: 'free' }))
      throw error
    }
  }

  #first (): Begun {
    const { connection } = this.#options
    const renewing = setInterval(() => {
      connection.run('write', client => client.eval(RENEW, 2, this.#place, this.#lease, this.#marker, LEASE), COMMAND).catch(() => {})
    }, RENEWED_EVERY).unref()
    return {
      kind: 'first',
      settle: async settled => {
        const text = this.#textOf(settled)
        // Nobody is kept waiting by a store that is away.
        const told = await this.#tell(text) ? undefined : this.#tellAgain(text)
        if (told === undefined) clearInterval(renewing)
        else void told.then(() => { clearInterval(renewing) })
      }
    }
  }

  #known (at: number, sealed: string, hasLease: boolean): Begun {
    const { sealing, onUnreadable } = this.#options
    const stored = readStored(sealing.open(sealed, this.#places[at] ?? ''))
    if (stored === undefined) {
      onUnreadable()
      return { kind: 'unknown', print: undefined }
    }
    const { state, print, answer } = stored
    if (answer !== undefined) return { kind: 'kept', print, answer }
    if (state === 'unknown' || !hasLease) return { kind: 'unknown', print }
    return { kind: 'busy', print, whenOver: onOver => startTimer(LOOK * (1 + Math.random()), onOver) }
  }

  /** Says how it ended. @returns whether it was heard */
  async #tell (text: string): Promise<boolean> {
    const { connection } = this.#options
    try {
      await connection.run('write', client => client.eval(SETTLE, 2, this.#place, this.#lease, this.#marker, text, this.#ttl), COMMAND)
      return true
    } catch (error) {
      if (error instanceof StoreAway) return false
      throw error
    }
  }

  /** For a while. In vain, the lease ends: what became of the write is not known then. */
  async #tellAgain (text: string): Promise<void> {
    for (let tries = 0; tries < TRIES; tries++) {
      await sleep(AGAIN, undefined, { ref: false })
      if (await this.#tell(text)) return
    }
  }

  #textOf (settled: Settled): string {
    if (settled.kind === 'free') return ''
    return this.#sealed({ state: settled.kind, print: this.#print, ...settled.kind === 'kept' && { answer: settled.answer } })
  }

  #sealed (write: StoredWrite): string {
    return this.#options.sealing.seal(writeStored(write), this.#place)
  }
}

function storeUnavailable () {
  return refuse('store-unavailable', 'Whether this write was carried out already cannot be found out just now. Nothing was sent; try again shortly.', { headers: { 'Retry-After': '1' } })
}
