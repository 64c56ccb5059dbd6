import { Counters, type Counted } from '../inbound/counters.ts'
import { QUIET, serves, type MachineToken, type WantedToken } from '../outbound/token-store.ts'
import { within } from '../common/memo.ts'
import type { Handlers } from './channel.ts'

/** What a worker asks for: a token for a request. */
export interface TokenWanted extends WantedToken {
  readonly request: string
}

/** What it is told: the token, or that it is the one to ask; that another one asked in vain; or that there is none to be had now. */
export type TokenAnswer = { readonly token: MachineToken } | { readonly ask: true } | { readonly inVain: true } | { readonly none: true }

/** How that went. */
export interface TokenHad {
  readonly request: string
  readonly token: MachineToken | undefined
  readonly refused: boolean
}

export interface Counting {
  readonly limit: string
  readonly key: string
  /** ms */
  readonly window: number
}

interface Place {
  token: MachineToken | undefined
  /** resolves when whoever asks has told how it went, or is too late */
  asking: Promise<TokenHad | undefined> | undefined
  told: ((had: TokenHad | undefined) => void) | undefined
  /** ms since the epoch: until then no token is asked for in place of a refused one */
  quietUntil: number
}

/** ms that the one who asks may take: longer than a token request, shorter than the 5 s that a request waits */
const LEASE = 4500

/** What workers share by the process that leads them: counts, and machine tokens, of which one asks for each. */
export function createSharedState (now: () => number): Handlers {
  const counters = new Map<string, Counters>()
  const places = new Map<string, Place>()
  const placeOf = (request: string): Place => within(places, request, () => ({ token: undefined, asking: undefined, told: undefined, quietUntil: 0 }))

  function count ({ limit, key, window }: Counting): Counted | undefined {
    let counted: Counted | undefined
    within(counters, limit, () => new Counters()).incr(key, (_error, result) => { counted = result }, window)
    return counted
  }

  async function token ({ request, ...wanted }: TokenWanted): Promise<TokenAnswer> {
    const place = placeOf(request)
    for (;;) {
      if (place.token !== undefined && serves(place.token, wanted, now())) return { token: place.token }
      if (wanted.refused && now() < place.quietUntil) return { none: true }
      if (place.asking === undefined) {
        place.asking = toldInTime(place)
        return { ask: true }
      }
      const had = await place.asking
      if (had !== undefined && had.token === undefined) return { inVain: true }
    }
  }

  async function toldInTime (place: Place): Promise<TokenHad | undefined> {
    const had = await new Promise<TokenHad | undefined>(resolve => {
      place.told = resolve
      setTimeout(() => { resolve(undefined) }, LEASE).unref()
    })
    place.asking = undefined
    place.told = undefined
    return had
  }

  function tokenHad (had: TokenHad): void {
    const place = placeOf(had.request)
    if (had.token !== undefined) place.token = had.token
    if (had.refused && had.token !== undefined) place.quietUntil = now() + QUIET
    place.told?.(had)
  }

  // Asked by processes of this very program.
  return {
    count: body => count(body as Counting),
    token: body => token(body as TokenWanted),
    tokenHad: body => { tokenHad(body as TokenHad) }
  }
}
