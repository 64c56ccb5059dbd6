import type { MachineToken, WantedToken } from '../outbound/token-store.ts'

/** A token with less than this part of its life before it is not begun with. */
const LEAST_LIFE = 0.05

export function writeToken ({ value, askedAt, endsAt }: MachineToken): string {
  return JSON.stringify({ value, askedAt, endsAt })
}

/** @returns undefined where it is no token */
export function readToken (text: string | undefined): MachineToken | undefined {
  const token = text === undefined ? undefined : parse(text)
  if (typeof token !== 'object' || token === null || !('value' in token && 'askedAt' in token && 'endsAt' in token)) return undefined
  const { value, askedAt, endsAt } = token
  return typeof value === 'string' && typeof askedAt === 'number' && typeof endsAt === 'number' ? { value, askedAt, endsAt } : undefined
}

/** Whether a token that another replica left is what is wanted here. */
export function serves ({ value, askedAt, endsAt }: MachineToken, { not, refused }: WantedToken, now: number): boolean {
  if (endsAt - now <= (endsAt - askedAt) * LEAST_LIFE) return false
  if (not === undefined) return true
  return refused ? value !== not.value : askedAt > not.askedAt
}

// Whoever has a key may be of another version, with other ideas of what a token is.
function parse (text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
