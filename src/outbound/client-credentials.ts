import { refuse, type Refusal } from '../policy/problems.ts'
import type { Credential, Presented } from './credential.ts'
import type { MachineTokenCache } from './machine-token.ts'
import type { MachineToken } from './token-store.ts'

/**
 * A credential that is a machine token, however it was had, in `Authorization: Bearer` or bare in another header.
 */
export function tokenCredential (header: string, cache: MachineTokenCache): Credential {
  const asBearer = header.toLowerCase() === 'authorization'
  let last: Presented | undefined

  function show ({ value }: MachineToken): Presented {
    if (last?.id !== value) last = { headers: [header, asBearer ? `Bearer ${value}` : value], id: value, secrets: [value] }
    return last
  }

  return {
    headerNames: [header.toLowerCase()],
    present () {
      const token = cache.get()
      return token instanceof Promise ? token.then(show, (error: unknown) => { throw unavailable(cache, error) }) : show(token)
    },
    async renew (refused) {
      try {
        const token = await cache.replace(refused.id)
        return token && show(token)
      } catch (error) {
        throw unavailable(cache, error)
      }
    },
    status () {
      const { tried, failing, token } = cache.status()
      return { tried, available: token !== undefined || (tried && !failing), askedAt: token?.askedAt, endsAt: token?.endsAt }
    }
  }
}

/** The 503 for a request that waited for a machine token as long as it may. */
export function timeIsUp (): Refusal {
  return noToken(1, undefined)
}

function unavailable (cache: MachineTokenCache, cause: unknown): Refusal {
  return noToken(Math.min(10, Math.max(1, Math.ceil(cache.status().pause / 1000))), cause)
}

// A caller can do nothing about it but wait.
function noToken (seconds: number, cause: unknown): Refusal {
  return refuse('machine-token-unavailable', "The gateway's own token for the upstream cannot be had just now. Try again shortly.", {
    headers: { 'Retry-After': String(seconds) },
    saw: cause instanceof Error && cause.name === 'IdpError' ? `the token endpoint ${cause.message}` : 'the time to wait ran out',
    cause
  })
}
