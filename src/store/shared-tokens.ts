import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { IdpError } from '../idp/http.ts'
import { QUIET, serves, type MachineToken, type SharedToken, type TokenStore, type WantedToken } from '../outbound/token-store.ts'
import { REMOVE, REPLACE, TAKE } from './commands.ts'
import { StoreAway, type Connection } from './connection.ts'
import type { Sealing } from './sealed.ts'
import { readToken, writeToken } from './stored-token.ts'

export interface SharedTokensOptions {
  readonly connection: Connection
  readonly sealing: Sealing
  readonly prefix: string
  /** ms since the epoch */
  readonly now: () => number
  /** Something stands in the place of a token that none of the keys has sealed for this place. */
  readonly onUnreadable: () => void
}

/** ms for one command: less hangs on it than on counting, and who waits for a token has 5 s. */
const COMMAND = 500
/** ms that a lock holds which nobody gives back: longer than the 4 s of a token request. */
const LEASE = 4200
/** ms that one holder of it is waited for: until its lease has ended, and less than the 5 s that a request waits. */
const PATIENCE = 4600
/** ms for all of them, should each take it and be gone */
const ALL_PATIENCE = 10_000
/** ms in which no other replica asks after one has asked in vain. */
const PAUSE = 1000
/** ms; Redis refuses ends that lie too far ahead */
const LONGEST_LIFE = 365 * 24 * 3_600_000
const IN_VAIN = 'in vain '

/** What a look at the store found: the answer, or else who holds the lock, and where a refused token still stands. */
type Found =
  | { readonly answer: MachineToken | undefined }
  | { readonly holder: string | null, readonly refused: ReadonlyArray<readonly [place: string, sealed: string]> }

/** Machine tokens in Redis, sealed: one replica asks for one, under a lock, and all use it. */
export function createSharedTokens (options: SharedTokensOptions): TokenStore {
  // What this process leaves in a lock when it asked in vain. It holds back the others: this one has pauses of its own.
  const inVain = IN_VAIN + randomBytes(9).toString('base64url')
  return { of: request => ({ obtain: async (wanted, ask) => await new Obtaining(options, request, inVain, wanted).obtain(ask) }) }
}

/** One token that is wanted, on its way. */
class Obtaining {
  readonly #options: SharedTokensOptions
  readonly #inVain: string
  readonly #wanted: WantedToken
  readonly #places: readonly string[]
  readonly #lock: string
  readonly #quiet: string

  constructor (options: SharedTokensOptions, request: string, inVain: string, wanted: WantedToken) {
    const names = options.sealing.namesOf(request)
    this.#options = options
    this.#inVain = inVain
    this.#wanted = wanted
    this.#places = names.map(name => `${options.prefix}:token:${name}`)
    this.#lock = `${options.prefix}:lock:${names[0] ?? ''}`
    this.#quiet = `${options.prefix}:quiet:${names[0] ?? ''}`
  }

  async obtain (ask: () => Promise<MachineToken>): ReturnType<SharedToken['obtain']> {
    const { connection } = this.#options
    const last = performance.now() + ALL_PATIENCE
    let deadline = performance.now() + PATIENCE
    let holder: string | null = null
    // Whatever is written in the store, or is not: it can delay a token, never prevent it.
    for (; performance.now() < Math.min(deadline, last) && await connection.whetherUp(); await sleep(50 + Math.random() * 50)) {
      const found = await orAway(this.#look())
      if (found === undefined) continue
      if ('answer' in found) return found.answer
      if (found.holder === null || found.holder === this.#inVain) {
        const owner = randomBytes(12).toString('base64url')
        if (await orAway(this.#take(owner)) === true) return await this.#alone(owner, ask)
      } else if (found.holder.startsWith(IN_VAIN)) {
        throw new IdpError('was asked by another replica, in vain')
      } else if (found.holder !== holder) {
        holder = found.holder
        deadline = performance.now() + PATIENCE
      }
    }
    return await ask()
  }

  async #look (): Promise<Found> {
    const { connection, sealing, now, onUnreadable } = this.#options
    const { not, refused } = this.#wanted
    const [holder = null, recent = null, ...sealed] = await connection.run('token', client => client.mget(this.#lock, this.#quiet, ...this.#places), COMMAND)
    const stale: Array<readonly [string, string]> = []
    for (const [at, place] of this.#places.entries()) {
      const text = sealed[at] ?? null
      if (text === null) continue
      const token = readToken(sealing.open(text, place))
      if (token === undefined) onUnreadable()
      else if (serves(token, this.#wanted, now())) return { answer: token }
      else if (refused && token.value === not?.value) stale.push([place, text])
    }
    return refused && recent !== null ? { answer: undefined } : { holder, refused: stale }
  }

  async #take (owner: string): Promise<boolean> {
    return await this.#options.connection.run('lock', client => client.eval(TAKE, 1, this.#lock, owner, LEASE, this.#inVain), COMMAND) === 1
  }

  /** With the lock in hand. */
  async #alone (owner: string, ask: () => Promise<MachineToken>): Promise<MachineToken | undefined> {
    // Since the last look another one may have had it, and left what is wanted.
    const found = await orAway(this.#look())
    if (found !== undefined && 'answer' in found) {
      await orAway(this.#release(owner))
      return found.answer
    }
    try {
      // Nobody is to begin with it, whatever becomes of the next one.
      for (const [place, sealed] of found?.refused ?? []) await orAway(this.#options.connection.run('token', client => client.eval(REMOVE, 1, place, sealed), COMMAND))
      const token = await ask()
      await orAway(this.#leave(token, owner))
      return token
    } catch (error) {
      await orAway(this.#options.connection.run('lock', client => client.eval(REPLACE, 1, this.#lock, owner, this.#inVain, PAUSE), COMMAND))
      throw error
    }
  }

  async #leave (token: MachineToken, owner: string): Promise<void> {
    const { connection, sealing, now } = this.#options
    const [place = ''] = this.#places
    const life = Math.min(Math.floor(token.endsAt - now()), LONGEST_LIFE)
    if (life > 0) await connection.run('token', client => client.set(place, sealing.seal(writeToken(token), place), 'PX', life), COMMAND)
    if (this.#wanted.refused) await connection.run('token', client => client.set(this.#quiet, '1', 'PX', QUIET), COMMAND)
    await this.#release(owner)
  }

  async #release (owner: string): Promise<void> {
    await this.#options.connection.run('lock', client => client.eval(REMOVE, 1, this.#lock, owner), COMMAND)
  }
}

// A token is in hand, or was not to be had: that the store went away changes neither.
async function orAway<T> (work: Promise<T>): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    if (error instanceof StoreAway) return undefined
    throw error
  }
}
