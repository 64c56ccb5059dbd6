import * as oidc from 'openid-client'
import { api, clients } from './people.ts'
import type { Client } from './people.ts'

/** What a login gives the SaaS. */
export interface Login {
  readonly accessToken: string
  readonly idToken: string
  readonly subject: string
  readonly name: string
}

/** What the SaaS must remember between sending a user away and getting them back. */
export interface PendingLogin { readonly state: string, readonly nonce: string, readonly verifier: string }

/** Begins a login: where to send the browser, and what to remember. */
export async function beginLogin (web: oidc.Configuration, redirectUri: string): Promise<{ url: URL, pending: PendingLogin }> {
  const pending = { state: oidc.randomState(), nonce: oidc.randomNonce(), verifier: oidc.randomPKCECodeVerifier() }
  const url = oidc.buildAuthorizationUrl(web, {
    redirect_uri: redirectUri,
    scope: clients.web.scopes.join(' '),
    // RFC 8707: the access token is to be for this API. Without it the IdP would give one for itself alone.
    resource: api,
    state: pending.state,
    nonce: pending.nonce,
    code_challenge: await oidc.calculatePKCECodeChallenge(pending.verifier),
    code_challenge_method: 'S256',
    // The SaaS's log-out ends its own session only; so that one can come back as somebody else, the IdP asks again.
    prompt: 'login'
  })
  return { url, pending }
}

/** Ends a login: the code for the tokens. @throws what openid-client throws, where anything does not fit */
export async function endLogin (web: oidc.Configuration, callback: URL, { state, nonce, verifier }: PendingLogin): Promise<Login> {
  const answer = await oidc.authorizationCodeGrant(
    web, callback,
    { expectedState: state, expectedNonce: nonce, pkceCodeVerifier: verifier, idTokenExpected: true },
    { resource: api }
  )
  const claims = answer.claims()
  if (claims === undefined || answer.id_token === undefined) throw new Error('the IdP sent no ID token')
  return { accessToken: answer.access_token, idToken: answer.id_token, subject: claims.sub, name: typeof claims.name === 'string' ? claims.name : claims.sub }
}

/** A token of the client's own, by client credentials. */
export async function machineToken (configuration: oidc.Configuration, client: Client): Promise<string> {
  const answer = await oidc.clientCredentialsGrant(configuration, { resource: client.resource, scope: client.scopes.join(' ') })
  return answer.access_token
}

/** Finds the IdP's endpoints by discovery. Plain http is fine here: the IdP is on loopback. */
export function discover (issuer: string, client: Client): Promise<oidc.Configuration> {
  return oidc.discovery(new URL(issuer), client.id, undefined, oidc.ClientSecretBasic(client.secret), { execute: [oidc.allowInsecureRequests] })
}
