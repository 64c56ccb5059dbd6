import t from 'tap'
import { classify, type IssuerPolicy, type Principal, type PrincipalKind, type TokenKind, type VerifiedToken } from '../../../src/policy/principal.ts'
import { parseClaimPath, type ClaimConditions, type Scalar } from '../../../src/policy/claims.ts'
import { PROFILES, type ProfileName } from '../../../src/policy/profiles/index.ts'

export type Json = Readonly<Record<string, unknown>>

/** A promise, the token, and what it must be. */
export type Row = readonly [promise: string, token: VerifiedToken, tokenKind: TokenKind, kind: PrincipalKind]

/** A token with these claims; `undefined` leaves one out. */
export function token (claims: Json, header: Json = { typ: 'JWT' }): VerifiedToken {
  return { header: { alg: 'RS256', kid: 'k1', ...without(header) }, claims: without(claims) }
}

export function issuer (name: ProfileName, markers: Partial<IssuerPolicy> = {}): IssuerPolicy {
  return { name: 'main', profile: PROFILES[name], ...markers }
}

/** Every row is a promise; every verdict also has to say on what it rests. */
export function table (policy: IssuerPolicy, rows: readonly Row[]): void {
  for (const [promise, given, tokenKind, kind] of rows) {
    t.test(promise, async t => {
      const principal = classify(policy, given)
      t.equal(principal.tokenKind, tokenKind, 'token kind')
      t.equal(principal.kind, kind, 'principal')
      if (kind !== 'unknown' || tokenKind !== 'unknown') t.ok(principal.evidence.length > 0, 'evidence')
      t.ok(principal.evidence.every(({ claim, says }) => claim !== '' && says !== ''), 'evidence that can be printed')
    })
  }
}

/** A promise, the token, what it must be, and the evidence in its order: the claims, and the strength of each. */
export type Pin = readonly [promise: string, token: VerifiedToken, kinds: `${TokenKind} ${PrincipalKind}`, evidence: string]

/** Every row is a promise of one verdict and of all that it rests on. */
export function pins (policy: IssuerPolicy, rows: readonly Pin[]): void {
  for (const [promise, given, kinds, rests] of rows) {
    t.test(`${policy.profile.name}: ${promise}`, async t => {
      const { tokenKind, kind, evidence } = classify(policy, given)
      t.equal(`${tokenKind} ${kind}`, kinds)
      // Not the advice that ends every principal `unknown`.
      const rows = evidence.filter(({ claim }) => claim !== 'user_when, client_when')
      t.equal(rows.map(({ claim, strength }) => `${claim} ${strength}`).join(', '), rests)
    })
  }
}

/** The same promise of a token with each of these. */
export function each<Value> (
  promise: string, values: readonly Value[], given: (value: Value) => VerifiedToken, kinds: Pin[2], evidence: string
): readonly Pin[] {
  return values.map(value => [`${promise}: ${JSON.stringify(value) ?? 'none'}`, given(value), kinds, evidence])
}

/** A marker as the configuration has it: `{ 'ext.kind': 'machine' }`. */
export function marker (entries: Readonly<Record<string, Scalar | readonly Scalar[]>>): ClaimConditions {
  return Object.entries(entries).map(([name, wanted]) =>
    ({ name, path: parseClaimPath(name), values: [wanted].flat() }))
}

export function saw ({ evidence }: Principal, claim: string): boolean {
  return evidence.some(row => row.claim === claim)
}

function without (claims: Json): Json {
  return Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined))
}
