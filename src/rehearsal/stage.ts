import { createBuiltInIssuers, type BuiltInIssuer } from '../built-in-issuer/built-in-issuer.ts'
import type { Configuration } from '../config/configuration.ts'
import { explain, type ExplainWorld, type Question } from '../explain/explain.ts'
import type { Explanation } from '../explain/explanation.ts'
import type { TrustedIssuer, Verified } from '../inbound/verify.ts'
import type { ClosableClient } from '../outbound/idp-client.ts'
import { Refusal } from '../policy/problems.ts'

/** Opens two files as a gateway would decide by them (`openFiles`). */
export type OpenWorld = (configuration: Configuration, parts: { readonly now: () => number, readonly createClient: () => ClosableClient }) => ExplainWorld & { close (): void }

/** A policy, with its issuers played: whoever asks is answered by `explain`, over tokens that are really verified. */
export interface Stage {
  readonly configuration: Configuration
  readonly world: ExplainWorld
  readonly issuers: ReadonlyMap<string, BuiltInIssuer>
  ask (question: Question, world?: ExplainWorld): Promise<Explanation>
  close (): void
}

/** @param now ms since the epoch: all of it happens at one moment */
export function openStage (configuration: Configuration, open: OpenWorld, now: number): Stage {
  const { byName, createClient } = createBuiltInIssuers(configuration.gateway.issuers, () => now)
  const { close, ...opened } = open(configuration, { now: () => now, createClient })
  // Nobody is far away: what is waited for are keys that this process imports, however busy its machine is.
  const world = withMemory({ ...opened, wait: promise => promise })
  return { configuration, world, issuers: byName, ask: (question, other = world) => explain(question, other), close }
}

/**
 * The same world that verifies each token once. It has one moment and one set of keys for each issuer, so that what is
 * found out of a token stays so; one token is shown to a thousand rules.
 */
function withMemory (world: ExplainWorld): ExplainWorld {
  const verdicts = new Map<string, Verified | Promise<Verified> | Refusal>()
  const verifier: ExplainWorld['verifier'] = {
    verify (token, wait) {
      const known = verdicts.get(token) ?? attempt(() => world.verifier.verify(token, wait))
      verdicts.set(token, known)
      if (known instanceof Refusal) throw known
      return known
    }
  }
  return { ...world, verifier, issuers: world.issuers.map(rememberSignatures) }
}

function attempt<T> (act: () => T): T | Refusal {
  try {
    return act()
  } catch (error) {
    if (error instanceof Refusal) return error
    throw error
  }
}

function rememberSignatures (issuer: TrustedIssuer): TrustedIssuer {
  const { keys } = issuer
  const signed = new Map<string, boolean>()
  return {
    ...issuer,
    keys: {
      ...keys,
      find (kid, alg) {
        const key = keys.find(kid, alg)
        if (key instanceof Promise || typeof key === 'string') return key
        return {
          ...key,
          verifies (token) {
            const known = signed.get(token) ?? key.verifies(token)
            signed.set(token, known)
            return known
          }
        }
      }
    }
  }
}
