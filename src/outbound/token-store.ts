/** A token of the gateway's own. Times are ms since the epoch. */
export interface MachineToken {
  readonly value: string
  /** when it was asked for */
  readonly askedAt: number
  /** from when on it is not shown any more */
  readonly endsAt: number
}

/** Where the replicas of a gateway share their machine tokens. */
export interface TokenStore {
  /**
   * What they share for one request.
   * @param request all that tells it from another one: where it is asked for, by whom and with what; a secret
   */
  of (request: string): SharedToken
}

export interface SharedToken {
  /**
   * The token that another replica left, where it will do; else the one that `ask` gets, which of all replicas one calls.
   * Where the store is away, every replica calls `ask` for itself.
   * @returns undefined where a token was refused, and so was another one that was asked for in its place a moment ago
   * @throws what `ask` throws; {IdpError} where another replica asked in vain
   */
  obtain (wanted: WantedToken, ask: () => Promise<MachineToken>): Promise<MachineToken | undefined>
}

/** Whatever is live where nothing is in hand; else only what is `not` this: one asked for later, or where it was refused another one. */
export interface WantedToken {
  readonly not: MachineToken | undefined
  readonly refused: boolean
}

/** ms after a token request that an upstream's 401 caused, in which no other 401 causes one. */
export const QUIET = 30_000

/** For a process that shares with none. */
export const unshared: SharedToken = { obtain: async (_wanted, ask) => await ask() }

/** A token with less than this part of its life before it is not begun with. */
const LEAST_LIFE = 0.05

/** Whether a token that another replica left is what is wanted here. */
export function serves ({ value, askedAt, endsAt }: MachineToken, { not, refused }: WantedToken, now: number): boolean {
  if (endsAt - now <= (endsAt - askedAt) * LEAST_LIFE) return false
  if (not === undefined) return true
  return refused ? value !== not.value : askedAt > not.askedAt
}
