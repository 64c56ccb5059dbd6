import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export type Jwk = Readonly<Record<string, unknown>>

/** One vector: a compact token, or a JSON serialization as text, and whether a verifier with the group's key takes it. */
export interface Vector {
  readonly id: number
  readonly comment: string
  readonly valid: boolean
  /** what kind of fault it has */
  readonly flags: readonly string[]
  readonly token: string
}

export interface VectorGroup {
  readonly comment: string
  /** What the issuer's set would show: the public keys, or the secret ones where there are no others. */
  readonly published: readonly Jwk[]
  /** The one that signs. */
  readonly privateJwk: Jwk | undefined
  readonly vectors: readonly Vector[]
}

/** A pair of JWKs of the XDH files. */
export interface AgreementKeys { readonly id: number, readonly public: Jwk, readonly private: Jwk }

interface KeyOrSet extends Jwk { readonly keys?: readonly Jwk[] }

interface Written {
  readonly comment: string
  readonly public?: KeyOrSet
  readonly private?: KeyOrSet
  readonly tests: ReadonlyArray<{ readonly tcId: number, readonly comment: string, readonly result: string, readonly flags: readonly string[], readonly jws?: unknown, readonly jwe?: unknown }>
}

/** The groups of one of the files with tokens (json_web_signature_test.json and its kin). */
export function readGroups (folder: string, file: string): VectorGroup[] {
  // The file's own schema, as far as it is read here.
  const { testGroups } = readVectors(folder, file) as { testGroups: readonly Written[] }
  return testGroups.map(group => ({
    comment: group.comment,
    published: keysOf(group.public ?? group.private),
    privateJwk: keysOf(group.private)[0],
    vectors: group.tests.map(({ tcId, comment, result, flags, jws, jwe }) => ({ id: tcId, comment, valid: result === 'valid', flags, token: textOf(jws ?? jwe) }))
  }))
}

/** The keys for agreement of one of the XDH files: none of them may ever verify a token. */
export function readAgreementKeys (folder: string, file: string): AgreementKeys[] {
  // The file's own schema, as far as it is read here.
  const { testGroups } = readVectors(folder, file) as { testGroups: ReadonlyArray<{ readonly tests: ReadonlyArray<{ readonly tcId: number, readonly public: Jwk, readonly private: Jwk }> }> }
  return testGroups.flatMap(({ tests }) => tests.map(one => ({ id: one.tcId, public: one.public, private: one.private })))
}

function readVectors (folder: string, file: string): unknown {
  return JSON.parse(readFileSync(join(folder, file), 'utf8'))
}

function keysOf (given: KeyOrSet | undefined): readonly Jwk[] {
  return given === undefined ? [] : given.keys ?? [given]
}

function textOf (token: unknown): string {
  return typeof token === 'string' ? token : JSON.stringify(token)
}
