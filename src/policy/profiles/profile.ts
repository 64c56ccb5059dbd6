import type { Claims } from '../claims.ts'
import { has, hint, HEADER_TYP, proof, strong, texts, words, type Sign } from './evidence.ts'

/**
 * How one IdP writes its tokens: a table of signs. A token is an access token, a principal a user or a client, by a sign
 * of strength `proof` in its column and none that speaks against it; see `classify`.
 */
export interface Profile {
  readonly name: string
  /** whether an access token can be told from an ID token; an issuer that cannot must not load */
  readonly tellsAccessTokens: boolean | 'with access_token_when'
  /** its access tokens name no audience: the issuer must list `allowed_clients` */
  readonly needsAllowedClients: boolean
  /** its `iss` is shared by many tenants: `check` warns where the issuer's `claims` name none */
  readonly wantsTenantClaims: boolean
  /** true for URLs of this IdP's cloud; `check` warns where such an issuer leaves `idp` out */
  readonly knownUrl: (url: URL) => boolean
  /** the claims that name the client, the first that is there counts */
  readonly clientClaims: readonly string[]
  readonly access: readonly Sign[]
  readonly id: readonly Sign[]
  readonly refresh: readonly Sign[]
  readonly logout: readonly Sign[]
  /** of a token that is genuine and for others */
  readonly foreign: readonly Sign[]
  readonly user: readonly Sign[]
  readonly client: readonly Sign[]
  readonly agent: readonly Sign[]
  /** of a session without a login */
  readonly anonymous: readonly Sign[]
  /** of another who acts for the subject; the kind stays the subject's */
  readonly delegated: readonly Sign[]
  readonly roles: (claims: Claims) => readonly string[]
}

/** The header's statement of RFC 9068 section 2.1, for the profiles whose IdP writes it. */
export const AT_JWT = proof(HEADER_TYP, 'at+jwt: an access token (RFC 9068)', (_claims, { type }) => type === 'at+jwt')

/** An ID token's audience is the client (OpenID Connect Core section 2); only for IdPs whose access tokens never have it. */
export const FOR_THE_CLIENT = proof('aud', 'the audience is the client itself: an ID token', (_claims, { audience, client }) =>
  client !== undefined && audience.includes(client))

/** For IdPs that write `nonce` into ID tokens alone. */
export const NONCE = proof('nonce', 'the nonce of a login: an ID token', claims => has(claims, 'nonce'))

// What names one kind at every IdP; a profile adds its own.
const FOREIGN = proof(HEADER_TYP, 'the type of another kind of token', (_claims, { type }) => type === 'other')
const LOGOUT = [
  proof(HEADER_TYP, 'a logout token (OpenID Connect Back-Channel Logout)', (_claims, { type }) => type === 'logout+jwt'),
  proof('events', 'events: a logout or security event token (RFC 8417)', claims => has(claims, 'events'))
]
const ID = [
  ...['at_hash', 'c_hash', 's_hash'].map(name =>
    proof(name, 'a hash that binds an ID token to what came with it (OpenID Connect Core section 3.3.2.11)', claims => has(claims, name))),
  // No more than strong: the access tokens of authentik and PingAM carry it too.
  strong('nonce', 'the nonce of a login, which ID tokens carry', claims => has(claims, 'nonce')),
  hint('scope', 'neither scope nor client_id, as in an ID token', (claims, { type }) =>
    type === 'jwt' && !has(claims, 'scope', 'scp', 'client_id', 'cid', 'appid', 'azpacr', 'gty', 'permissions'))
]
const AGENT = [
  proof('sub_profile', 'the subject is an AI agent', claims => words(claims, 'sub_profile').includes('ai_agent')),
  // 11 is an agent identity, 13 an agent's user account, which looks human in all else. The list's order is unstable.
  proof('xms_sub_fct', 'the subject is an agent identity or an agent user (Entra Agent ID)', claims =>
    words(claims, 'xms_sub_fct').some(facet => facet === '11' || facet === '13'))
]

const DELEGATED = hint('act', 'another acts for the subject (RFC 8693 section 4.1); the kind is the subject\'s', claims => has(claims, 'act'))

type Given = Pick<Profile, 'name' | 'clientClaims' | 'access'> & Partial<Profile>

/** A profile from its own rows, with those that hold at every IdP added. */
export function defineProfile (given: Given): Profile {
  const own = given.id ?? []
  return Object.freeze({
    tellsAccessTokens: true,
    needsAllowedClients: false,
    wantsTenantClaims: false,
    knownUrl: () => false,
    user: [],
    client: [],
    anonymous: [],
    refresh: [],
    roles: (claims: Claims) => texts(claims, 'roles'),
    ...given,
    // A profile's own row about a claim stands in for the common one.
    id: [...own, ...ID.filter(({ claim }) => !own.some(sign => sign.claim === claim))],
    logout: [...given.logout ?? [], ...LOGOUT],
    foreign: [...given.foreign ?? [], FOREIGN],
    agent: [...given.agent ?? [], ...AGENT],
    delegated: [...given.delegated ?? [], DELEGATED]
  })
}

/** True when the URL's host is one of the domains or below one. */
export function isUnder ({ hostname }: URL, ...domains: readonly string[]): boolean {
  return domains.some(domain => hostname === domain || hostname.endsWith(`.${domain}`))
}
