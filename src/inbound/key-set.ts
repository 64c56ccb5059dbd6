import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Algorithm } from '../policy/algorithms.ts'
import { importKey, type VerificationKey } from './key.ts'

/** The usable keys of one JWK Set (RFC 7517 section 5), immutable: a new answer makes a new set. */
export interface KeySet {
  readonly keys: readonly VerificationKey[]
  /** why the others cannot be used, for the log */
  readonly unusable: readonly string[]
  /**
   * The key for a token's header. Without a `kid` only the one key of a set of one; none where two claim the `kid`.
   */
  find (kid: string | undefined, alg: Algorithm): VerificationKey | undefined
}

type Imported = Awaited<ReturnType<typeof importKey>>

/** More keys than any IdP publishes; each costs a parse. */
const MOST_KEYS = 100

/**
 * Imports a JWK Set.
 * @param known keys of the set before, which serve on where they are the same
 * @throws {RangeError} when the document is no JWK Set
 */
export async function importKeySet (document: unknown, allowed: readonly Algorithm[], known: readonly VerificationKey[] = []): Promise<KeySet> {
  const listed: unknown = typeof document === 'object' && document !== null && Object.hasOwn(document, 'keys') ? Reflect.get(document, 'keys') : undefined
  if (!Array.isArray(listed)) throw new RangeError('answered with something that is no JWK Set')
  if (listed.length > MOST_KEYS) throw new RangeError(`answered with more than ${MOST_KEYS} keys`)
  const imported: Imported[] = []
  for (const one of listed) {
    imported.push(await importKey(one, allowed, known))
    // A key costs a millisecond: requests must not wait for a hundred of them.
    await nextTurn()
  }
  const distinct = withoutRepeated(imported.filter(isUsable))
  // A kid that two different keys claim names neither of them.
  const keys = distinct.filter(key => key.kid === undefined || distinct.every(other => other === key || other.kid !== key.kid))
  return {
    keys,
    unusable: imported.flatMap((one, at) => 'unusable' in one ? [`key ${at} ${one.unusable}`] : []),
    find (kid, alg) {
      const found = kid === undefined ? (distinct.length === 1 ? distinct[0] : undefined) : keys.find(key => key.kid === kid)
      return found?.algorithms.includes(alg) ? found : undefined
    }
  }
}

function isUsable (imported: Imported): imported is VerificationKey {
  return !('unusable' in imported)
}

function withoutRepeated (keys: readonly VerificationKey[]): readonly VerificationKey[] {
  return keys.filter((key, at) => !keys.slice(0, at).some(before => before.kid === key.kid && before.id === key.id))
}
