import type { MachineToken } from '../outbound/token-store.ts'

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

// Whoever has a key may be of another version, with other ideas of what a token is.
function parse (text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
