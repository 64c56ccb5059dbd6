/**
 * Glewlwyd 2.7 (Debian's package), an OpenID provider written in C by other people, run as a child of the test.
 *
 * What it was seen to issue (2.7.5-3+deb12u1), the common `iss`, `iat`, `exp`, `nbf`, `jti` left out:
 *
 *   client credentials    { typ: 'at+jwt' }  { type: 'access_token', client_id: 'saas', sub: 'saas',
 *                                              aud: <resource>, scope: 'write:address' }
 *   code flow, access     { typ: 'at+jwt' }  { type: 'access_token', client_id: 'saas', sub: 'RPSCakARt57IEilI…',
 *                                              aud: <resource>, scope: 'openid read:address', account: 'person' }
 *   code flow, ID token   { typ: 'JWT' }     { aud: 'saas', azp: 'saas', sub: 'RPSCakARt57IEilI…', nonce,
 *                                              at_hash, c_hash, amr: ['password'], auth_time: 0 }
 *
 * - Nothing but a mapped claim (`account`) and a `sub` that is not the client tells a user's access token from
 *   the client's own: no `auth_time`, `acr`, `amr`. An issuer of this kind needs `user_when`.
 * - Without `resource`, `aud` is the list of scopes (`openid read:address`): never the API's audience.
 * - The token endpoint takes HTTP Basic as it comes: `-` sent as `%2D` (RFC 6749 section 2.3.1) is a wrong secret,
 *   answered 403 with an empty body. An unknown scope is `scope_invalid`, a foreign resource `invalid_target`.
 */
import { createHash, randomBytes } from 'node:crypto'
import { registerSecret } from '../support/secrets.ts'
import type { TestContext } from '../support/teardown.ts'
import { createEverything, REDIRECT, session, type Session } from './glewlwyd-admin.ts'
import { runGlewlwyd } from './glewlwyd-process.ts'

export interface Tokens { readonly access_token: string, readonly id_token?: string, readonly expires_in: number }
export interface ClientCredentials { readonly client: string, readonly secret: string, readonly scope: string, readonly resource?: string }
export interface CodeFlow extends ClientCredentials { readonly user: string, readonly password: string, readonly nonce: string }

export interface Glewlwyd {
  readonly issuer: string
  readonly port: number
  /** A token of the client's own, by HTTP Basic unencoded. */
  clientCredentials (request: ClientCredentials): Promise<Tokens>
  /** The tokens of a user who logs in and grants the scopes: authorization code and PKCE, without a browser. */
  codeFlow (request: CodeFlow): Promise<Tokens>
}

/** Glewlwyd with a database of its own on a free port of 127.0.0.1, until the test ends. Throws where it is not installed. */
export async function startGlewlwyd (t: TestContext): Promise<Glewlwyd> {
  const port = await runGlewlwyd(t)
  const url = `http://127.0.0.1:${port}`
  await createEverything(url)

  const issuer = `${url}/api/oidc`
  return {
    issuer,
    port,
    clientCredentials: ({ client, secret, scope, resource }) =>
      requestToken(issuer, client, secret, { grant_type: 'client_credentials', scope, ...(resource && { resource }) }),
    codeFlow: request => codeFlow(session(url), issuer, request)
  }
}

async function codeFlow (browser: Session, issuer: string, request: CodeFlow): Promise<Tokens> {
  const { user: username, password, client, secret, scope, resource, nonce } = request
  const verifier = randomBytes(32).toString('base64url')
  const authorization = new URLSearchParams({
    response_type: 'code', client_id: client, redirect_uri: REDIRECT, scope, nonce, state: 'any',
    ...(resource && { resource }),
    code_challenge: createHash('sha256').update(verifier).digest('base64url'), code_challenge_method: 'S256'
  })

  await browser.json('POST', '/api/auth/', { username, password })
  await browser.json('PUT', `/api/auth/grant/${client}/`, { scope })
  // `g_continue` is what its login page adds once the user has logged in and consented.
  const answer = await browser.request('GET', `/api/oidc/auth?${authorization}&g_continue`)
  const location = answer.headers.get('location') ?? ''
  const code = URL.canParse(location) && new URL(location).searchParams.get('code')
  if (!code) throw new Error(`no code, but ${answer.status} to ${location}`)

  return requestToken(issuer, client, secret, { grant_type: 'authorization_code', code, redirect_uri: REDIRECT, code_verifier: verifier })
}

async function requestToken (issuer: string, client: string, secret: string, form: Record<string, string>): Promise<Tokens> {
  const response = await fetch(`${issuer}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`${client}:${secret}`).toString('base64')}` },
    body: new URLSearchParams(form)
  })
  if (!response.ok) throw new Error(`glewlwyd's token endpoint: ${response.status} ${await response.text()}`)
  // The tests verify the tokens themselves; a token response that lacks one fails there.
  const tokens = await response.json() as Tokens
  for (const token of [tokens.access_token, tokens.id_token]) if (token) registerSecret(token)
  return tokens
}
