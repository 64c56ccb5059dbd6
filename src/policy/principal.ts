import { eachOnce } from '../common/memo.ts'
import { claimsHold, ownClaim, readClaim, type ClaimConditions, type Claims } from './claims.ts'
import { evidenceOf, headerType, row, text, texts, type Evidence, type Seen, type VerifiedToken } from './profiles/evidence.ts'
import type { Profile } from './profiles/profile.ts'

export type { Claims } from './claims.ts'
export type { Evidence, JoseHeader, VerifiedToken } from './profiles/evidence.ts'
export type { Profile } from './profiles/profile.ts'

/** What a token is; only `access` opens anything. */
export type TokenKind = 'access' | 'id' | 'refresh' | 'logout' | 'unknown'

/** Who a token speaks for; only `user` and `client` are ever admitted. */
export type PrincipalKind = 'user' | 'client' | 'agent' | 'unknown'

/** An issuer as far as its tokens are classified. The markers are the operator's own proof; all conditions of one must hold. */
export interface IssuerPolicy {
  /** its name in gateway.yaml */
  readonly name: string
  readonly profile: Profile
  readonly access_token_when?: ClaimConditions | undefined
  readonly user_when?: ClaimConditions | undefined
  readonly client_when?: ClaimConditions | undefined
}

export interface Principal {
  readonly tokenKind: TokenKind
  /** `unknown` wherever the token is no access token */
  readonly kind: PrincipalKind
  /** the issuer's name in gateway.yaml */
  readonly issuer: string
  readonly subject: string | undefined
  readonly client: string | undefined
  readonly scopes: readonly string[]
  readonly permissions: readonly string[]
  /** a Keycloak client's role is `<client>:<role>` */
  readonly roles: readonly string[]
  readonly claims: Claims
  /** what was seen, in the order in which it was looked at */
  readonly evidence: readonly Evidence[]
}

type Verdict<Kind> = readonly [kind: Kind, evidence: readonly Evidence[]]

/**
 * Tells what a verified token is and who it speaks for, by the signs of the issuer's profile and the operator's markers.
 * Positive proof or `unknown`: a token or a principal with proof of one kind and evidence of another is `unknown` too.
 *
 * Never throws, whatever the claims are. The principal is frozen through and through, the token's claims with it, since
 * it is cached and shared. Does not check signature, issuer, times, audience or `allowed_clients`.
 */
export function classify (issuer: IssuerPolicy, { header, claims }: VerifiedToken): Principal {
  const { profile } = issuer
  const seen: Seen = {
    header,
    claims,
    type: headerType(header),
    subject: text(claims, 'sub'),
    client: profile.clientClaims.map(name => text(claims, name)).find(name => name !== undefined),
    audience: [text(claims, 'aud') ?? texts(claims, 'aud')].flat()
  }
  const [tokenKind, tokenEvidence] = kindOfToken(issuer, seen)
  const [kind, evidence] = tokenKind === 'access' ? kindOfPrincipal(issuer, seen) : ['unknown', []] as const
  return deepFreeze({
    tokenKind,
    kind,
    issuer: issuer.name,
    subject: seen.subject,
    client: seen.client,
    scopes: scopesOf(claims),
    permissions: kept(texts(claims, 'permissions')),
    roles: kept(profile.roles(claims)),
    claims,
    evidence: kept([...tokenEvidence, ...evidence])
  })
}

// Principals are kept by the hundred thousand. A list that grew has room for more, which a copy has not, and all empty
// ones are one.
function kept<One> (list: readonly One[]): readonly One[] {
  return list.length === 0 ? NONE : list.slice()
}

const NONE: readonly never[] = Object.freeze([])

/** The evidence in one line, for the log. */
export function evidenceText ({ evidence }: Principal): string {
  return evidence.map(({ claim, says }) => `${claim}: ${says}`).join('; ')
}

function kindOfToken ({ profile, access_token_when: marker }: IssuerPolicy, seen: Seen): Verdict<TokenKind> {
  const logout = evidenceOf(profile.logout, seen)
  if (logout.length > 0) return ['logout', logout]
  const foreign = evidenceOf(profile.foreign, seen)
  if (foreign.length > 0) return ['unknown', foreign]
  const access = [...evidenceOf(profile.access, seen), ...marked('access_token_when', marker, seen)]
  const refresh = evidenceOf(profile.refresh, seen)
  const id = evidenceOf(profile.id, seen)
  const seenAll = [...access, ...refresh, ...id]
  if (access.some(isProof)) return [[...refresh, ...id].some(isProof) ? 'unknown' : 'access', seenAll]
  if (refresh.length > 0) return ['refresh', seenAll]
  return [id.length > 0 ? 'id' : 'unknown', seenAll]
}

function kindOfPrincipal ({ profile, user_when: userMarker, client_when: clientMarker }: IssuerPolicy, seen: Seen): Verdict<PrincipalKind> {
  const agent = evidenceOf(profile.agent, seen)
  if (agent.length > 0) return ['agent', agent]
  const anonymous = evidenceOf(profile.anonymous, seen)
  if (anonymous.length > 0) return ['unknown', anonymous]
  const user = [...evidenceOf(profile.user, seen), ...marked('user_when', userMarker, seen)]
  const client = [...evidenceOf(profile.client, seen), ...marked('client_when', clientMarker, seen)]
  const seenAll = [...user, ...client, ...evidenceOf(profile.delegated, seen)]
  if (user.some(counts) && client.some(counts)) return ['unknown', [...seenAll, CONFLICT]]
  if (user.some(isProof)) return ['user', seenAll]
  if (client.some(isProof)) return ['client', seenAll]
  return ['unknown', [...seenAll, UNPROVEN]]
}

const CONFLICT = row('user_when, client_when', undefined, 'speaks for a user and for a client at once', 'hint')
const UNPROVEN = row('user_when, client_when', undefined,
  'nothing here proves a user or a client at this IdP; name a claim that does in user_when or client_when', 'hint')

function isProof ({ strength }: Evidence): boolean {
  return strength === 'proof'
}

function counts ({ strength }: Evidence): boolean {
  return strength !== 'hint'
}

// Every condition is a row of evidence: an empty marker has none, and marks nothing.
function marked (key: string, conditions: ClaimConditions | undefined, { claims }: Seen): readonly Evidence[] {
  if (conditions === undefined || !claimsHold(claims, conditions)) return []
  return conditions.map(({ name, path }) => row(name, readClaim(claims, path), `as ${key} of this issuer says`, 'proof'))
}

// `scope` (RFC 8693 section 4.2), else `scp`. Only a string is split, at spaces (RFC 6749 section 3.3).
function scopesOf (claims: Claims): readonly string[] {
  for (const name of ['scope', 'scp']) {
    const value = ownClaim(claims, name)
    if (typeof value === 'string') return value.length > LONGEST_SHARED ? split(value) : sharedSplit(value)
    if (Array.isArray(value)) return kept(texts(claims, name))
  }
  return NONE
}

function split (scope: string): readonly string[] {
  return kept(scope.split(' ').filter(one => one !== ''))
}

// Most tokens of an issuer have one of a few.
const sharedSplit = eachOnce(split)
const LONGEST_SHARED = 256

// By a list, not by recursion: a caller's token may be nested thousands deep.
function deepFreeze<Value extends object> (root: Value): Value {
  const open: unknown[] = [root]
  while (open.length > 0) {
    const value = open.pop()
    if (typeof value !== 'object' || value === null) continue
    for (const member of Object.values(value)) open.push(member)
    Object.freeze(value)
  }
  return root
}
