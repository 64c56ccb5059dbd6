/** What an IdP is told about a token that it is to write. */
export interface Facts {
  readonly iss: string
  /** seconds since the epoch */
  readonly now: number
  /** the client that asked for it, by its id */
  readonly client: string
  /** a user's name at the IdP */
  readonly person: string
  /** the API's own first; none where this IdP's access tokens name none */
  readonly audience: readonly string[]
  /** undefined where nothing was said of them: what a login there usually gets */
  readonly scopes: readonly string[] | undefined
  readonly permissions: readonly string[]
  readonly roles: readonly string[]
  /** of the token and of the session */
  readonly id: string
}

/** A token before it is signed. `alg` and `kid` come with the signature. */
export interface Unsigned {
  readonly header: Readonly<Record<string, unknown>>
  readonly claims: Readonly<Record<string, unknown>>
}

/** What the token of a shape is, if the gateway reads it as its IdP meant it. */
export type ShapeOf = 'user' | 'client' | 'id-token' | 'refresh-token' | 'agent' | 'anonymous' | 'nothing'

/** How one IdP writes one kind of token. */
export interface Shape {
  readonly of: ShapeOf
  /** all but the times, which every token has */
  readonly write: (facts: Facts) => Unsigned
}

/** The shapes of one IdP, by a name of ours; the first three every IdP has. */
export type Shapes = Readonly<Record<'user' | 'client' | 'id-token', Shape>> & Readonly<Record<string, Shape>>

/** A shape by its claims. What is undefined is left out of the token. */
export function shape (of: ShapeOf, typ: string | undefined, claims: (facts: Facts) => Readonly<Record<string, unknown>>): Shape {
  return { of, write: facts => ({ header: typ === undefined ? {} : { typ }, claims: { iss: facts.iss, ...claims(facts) } }) }
}

/** The audience as most IdPs write it: text where it is one. */
export function audienceOf ({ audience }: Facts): string | readonly string[] | undefined {
  return audience.length > 1 ? audience : audience[0]
}

/** Scopes as a string, with what a login gets where nothing was said of them. */
export function scopeText ({ scopes }: Facts, usual = ''): string {
  return scopes === undefined ? usual : scopes.join(' ')
}

/** Scopes as a list. */
export function scopeList ({ scopes }: Facts, usual: readonly string[] = []): readonly string[] {
  return scopes ?? usual
}

/** Permissions and roles where nearly every IdP writes them, if it is told to: arrays of their own. */
export function grants ({ permissions, roles }: Pick<Facts, 'permissions' | 'roles'>): Readonly<Record<string, unknown>> {
  return { permissions: permissions.length === 0 ? undefined : permissions, roles: roles.length === 0 ? undefined : roles }
}

/** What a login leaves in an ID token nearly everywhere (OpenID Connect Core section 2). */
export function login ({ now, id }: Facts): Readonly<Record<string, unknown>> {
  return { auth_time: now - 60, nonce: `n-${id}`, at_hash: 'MTIzNDU2Nzg5MDEyMzQ1Ng' }
}

/** For IdPs that write no access token without a scope. */
export const NO_SCOPE_OF_YOURS = 'unrelated'
