import type { Issuer } from '../config/gateway-schema.ts'
import type { ClosableClient } from '../outbound/idp-client.ts'
import { IdpError } from '../idp/http.ts'
import { discoveryUrl } from '../idp/provider.ts'
import { ALGORITHMS } from '../policy/algorithms.ts'
import type { ClaimConditions, Claims } from '../policy/claims.ts'
import { fulfilling, withClaim } from './overlay.ts'
import type { Shape, Unsigned } from './shape.ts'
import { SHAPES } from './shapes/index.ts'
import { createKey, signedBy, unsecured, type BuiltInKey } from './signing.ts'

/** What a token is to have beyond its shape. */
export interface Wish {
  /** the calling client, by its id; the issuer's first allowed client when left out */
  readonly client?: string | undefined
  /** written where this IdP writes them; what a login there usually gets when left out */
  readonly scopes?: readonly string[] | undefined
  readonly permissions?: readonly string[] | undefined
  readonly roles?: readonly string[] | undefined
  /** in place of the issuer's own audience */
  readonly audience?: readonly string[] | undefined
  readonly acr?: string | undefined
  /** seconds since the user logged in */
  readonly loginAge?: number | undefined
  /** seconds from now to its end; negative where it has ended. 300 when left out */
  readonly lifetime?: number | undefined
  /** claims that are to hold; a list of the token's gets the value added */
  readonly conditions?: ClaimConditions | undefined
  /** laid over at the end, in this order; undefined takes a claim away */
  readonly claims?: ReadonlyArray<readonly [path: readonly string[], value: unknown]> | undefined
}

/** The kinds of token that every IdP writes; another shape of any IdP's may be asked for by itself. */
export type Kind = 'user' | 'client' | 'id-token'

/**
 * A configured issuer played by this process: with a key of its own, made in memory, in place of the IdP's. It writes
 * tokens as the issuer's `idp` does, so that they are told apart by the very claims that the real ones are.
 *
 * It proves what the gateway makes of such tokens, not that the IdP is set up to write them.
 */
export interface BuiltInIssuer {
  readonly name: string
  readonly issuer: Issuer
  /** A good token of that kind, or in that shape, by this issuer's `iss`, audience, `claims` and markers; not signed yet. */
  draft (as: Kind | Shape, wish?: Wish): Unsigned
  /** By the key in the issuer's set. */
  sign (token: Unsigned): string
  /** By another key that calls itself the same. */
  forge (token: Unsigned): string
  /** By nobody: `alg: none`. */
  unsecured (token: Unsigned): string
}

export interface BuiltInIssuers {
  readonly byName: ReadonlyMap<string, BuiltInIssuer>
  /** What `openFiles` asks for discovery and keys: answers for these issuers, and opens no connection. */
  readonly createClient: () => ClosableClient
}

/** An API's audience where the issuer's configuration names none, at IdPs whose access tokens have one all the same. */
const SOME_AUDIENCE = 'https://api.example.com'
const SOME_CLIENT = 'saas'
const LIFETIME = 300
// Equal wishes get equal tokens.
const SAME_ID = 'built-in'

/** Plays the issuers of a gateway.yaml. @param now ms since the epoch; the tokens' times are by it */
export function createBuiltInIssuers (issuers: Readonly<Record<string, Issuer>>, now: () => number): BuiltInIssuers {
  const played = Object.entries(issuers).map(([name, issuer]) => {
    const kid = `built-in-${name}`
    const [key, other] = [kid, kid].map(one => createKey(issuer.algorithms ?? ALGORITHMS, one)) as [BuiltInKey, BuiltInKey]
    return { key, builtIn: play(name, issuer, { key, other, now }) }
  })
  const documents = documentsOf(played.map(({ key, builtIn: { issuer } }) => ({ key, issuer })))
  return {
    byName: new Map(played.map(({ builtIn }) => [builtIn.name, builtIn])),
    createClient: () => ({
      client: {
        send: () => Promise.reject(new IdpError('is played: it has no token endpoint')),
        json (url) {
          const document = documents.get(url)
          return document === undefined ? Promise.reject(new IdpError('is played: nothing is at this URL')) : Promise.resolve(document)
        }
      },
      close () {}
    })
  }
}

function play (name: string, issuer: Issuer, { key, other, now }: { readonly key: BuiltInKey, readonly other: BuiltInKey, readonly now: () => number }): BuiltInIssuer {
  const signed = { by: new Map<string, string>(), forged: new Map<string, string>() }
  return {
    name,
    issuer,
    draft (as, wish = {}) {
      const shape = typeof as === 'string' ? SHAPES[issuer.idp][as] : as
      const seconds = Math.floor(now() / 1000)
      const { header, claims } = shape.write({
        iss: issuer.issuer,
        now: seconds,
        client: wish.client ?? usualClient(issuer),
        person: 'ada',
        audience: wish.audience ?? usualAudience(issuer),
        scopes: wish.scopes,
        permissions: wish.permissions ?? [],
        roles: wish.roles ?? [],
        id: SAME_ID
      })
      const { lifetime = LIFETIME } = wish
      const exp = seconds + lifetime
      const marked = withMarkers({ ...claims, iat: Math.min(seconds, exp - LIFETIME), exp }, issuer, shape.of)
      return { header, claims: laidOver(marked, wish, seconds) }
    },
    sign: token => once(signed.by, token, () => signedBy(key, token)),
    forge: token => once(signed.forged, token, () => signedBy(other, token)),
    unsecured
  }
}

// A thousand rules are shown the same few tokens: each is signed, and by whoever remembers it verified, once.
function once (tokens: Map<string, string>, token: Unsigned, sign: () => string): string {
  const text = JSON.stringify(token)
  const known = tokens.get(text) ?? sign()
  tokens.set(text, known)
  return known
}

// The markers are claims that the operator's IdP writes: without them its tokens would be nobody's.
function withMarkers (claims: Claims, { claims: always = [], access_token_when: access = [], user_when: user = [], client_when: client = [] }: Issuer, of: Shape['of']): Claims {
  const isAccess = of !== 'id-token' && of !== 'refresh-token'
  const isUsers = of === 'user' || of === 'id-token' || of === 'refresh-token'
  return fulfilling(claims, [...always, ...isAccess ? access : [], ...isUsers ? user : [], ...of === 'client' ? client : []])
}

function laidOver (claims: Claims, { acr, loginAge, conditions = [], claims: more = [] }: Wish, now: number): Claims {
  const login = [
    ...acr === undefined ? [] : [[['acr'], acr] as const],
    ...loginAge === undefined ? [] : [[['auth_time'], now - loginAge] as const]
  ]
  const ofLogin = login.reduce((sofar, [path, value]) => withClaim(sofar, path, value), claims)
  return more.reduce((sofar, [path, value]) => withClaim(sofar, path, value), fulfilling(ofLogin, conditions))
}

// At authentik the audience is the client.
function usualClient ({ allowed_clients: [allowed] = [], clients = {}, idp, audience: [audience] = [] }: Issuer): string {
  return allowed ?? (idp === 'authentik' ? audience : undefined) ?? Object.values(clients)[0] ?? SOME_CLIENT
}

function usualAudience ({ audience, idp }: Issuer): readonly string[] {
  return audience?.slice(0, 1) ?? (['cognito', 'pingam', 'authentik'].includes(idp) ? [] : [SOME_AUDIENCE])
}

function documentsOf (played: ReadonlyArray<{ readonly issuer: Issuer, readonly key: BuiltInKey }>): Map<string, object> {
  const documents = new Map<string, object>()
  for (const { issuer, key } of played) {
    const { issuer: iss, jwks_uri: configured, discovery = discoveryUrl(iss) } = issuer
    const jwksUri = configured ?? `${iss.replace(/\/$/, '')}/built-in/jwks`
    if (!documents.has(discovery)) documents.set(discovery, { issuer: iss, jwks_uri: jwksUri })
    // Two issuers may share one set, as Entra's versions do.
    const before = documents.get(jwksUri)
    documents.set(jwksUri, { keys: [...before !== undefined && 'keys' in before && Array.isArray(before.keys) ? before.keys as unknown[] : [], key.publicJwk] })
  }
  return documents
}
