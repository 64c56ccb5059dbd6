import { generateKeyPairSync } from 'node:crypto'
import { registerSecret } from '../support/secrets.ts'

/** The audiences of the gateway's API and of the ERP behind it, as RFC 8707 resources. */
export const API = 'https://api.example.com'
export const ERP = 'https://erp.example.com'
export const REDIRECT = 'http://127.0.0.1:9/callback'

/** Both clients' secrets contain what RFC 6749 section 2.3.1 would encode. */
export const SAAS = { client: 'saas', secret: registerSecret('a-secret-of-the-saas') }
export const MIDDLEWARE = { client: 'middleware', secret: registerSecret('a-secret-of-the-middleware') }
export const ALICE = { user: 'alice', password: registerSecret('correct-horse-battery') }

const SCOPES = ['read:address', 'write:address', 'erp']

/** One cookie jar at one server. `json` throws on anything but 2xx. */
export interface Session {
  request (method: string, path: string, body?: unknown): Promise<Response>
  json (method: string, path: string, body?: unknown): Promise<unknown>
}

export function session (url: string): Session {
  const cookies = new Map<string, string>()

  async function request (method: string, path: string, body?: unknown): Promise<Response> {
    const response = await fetch(url + path, {
      method,
      redirect: 'manual',
      headers: { cookie: [...cookies].map(pair => pair.join('=')).join('; '), 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) })
    })
    for (const cookie of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie) ?? []
      if (name !== undefined && value !== undefined) cookies.set(name, value)
    }
    return response
  }

  async function json (method: string, path: string, body?: unknown): Promise<unknown> {
    const response = await request(method, path, body)
    const text = await response.text()
    if (!response.ok) throw new Error(`glewlwyd: ${method} ${path}: ${response.status} ${text}`)
    return text === '' ? undefined : JSON.parse(text)
  }

  return { request, json }
}

/** Scopes, the OpenID Connect plugin with a fresh key, one user and two clients, all through the admin API. */
export async function createEverything (url: string): Promise<void> {
  const admin = session(url)
  // The administrator that the package's own tables create.
  await admin.json('POST', '/api/auth/', { username: 'admin', password: 'password' })

  for (const name of SCOPES) await admin.json('POST', '/api/scope/', { name, display_name: name, password_required: true })
  await admin.json('POST', '/api/mod/plugin/', { module: 'oidc', name: 'oidc', display_name: 'oidc', parameters: oidc(`${url}/api/oidc`) })
  await addUserProperty(admin, 'account')
  await admin.json('POST', '/api/user/', {
    username: ALICE.user, password: ALICE.password, name: 'Alice', scope: ['openid', 'g_profile', ...SCOPES], account: 'person'
  })
  await admin.json('POST', '/api/client/', client(SAAS, {
    authorization_type: ['code', 'client_credentials'], redirect_uri: [REDIRECT], scope: ['read:address', 'write:address'], resource: [API]
  }))
  await admin.json('POST', '/api/client/', client(MIDDLEWARE, {
    authorization_type: ['client_credentials'], scope: ['erp'], resource: [ERP]
  }))
}

function oidc (issuer: string): Record<string, unknown> {
  const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' })
  return {
    iss: issuer,
    'jwks-private': JSON.stringify({ keys: [{ ...key, kid: 'interop', alg: 'RS256', use: 'sig' }] }),
    'jwks-show': true,
    'jwt-type': 'rsa',
    'jwt-key-size': '256',
    'access-token-duration': 3600,
    'refresh-token-duration': 3600,
    'code-duration': 60,
    'refresh-token-rolling': false,
    'allow-non-oidc': true,
    'auth-type-code-enabled': true,
    'auth-type-client-enabled': true,
    'pkce-allowed': true,
    'pkce-required': true,
    'resource-allowed': true,
    'resource-client-property': 'resource',
    // Into access tokens, from the user's record: a client's own token never has it.
    'additional-parameters': [{ 'user-parameter': 'account', 'token-parameter': 'account' }]
  }
}

/** A user's record holds what the user back end's `data-format` names; only administrators may write this one. */
async function addUserProperty (admin: Session, name: string): Promise<void> {
  // The admin API's own answer goes back as it came, with one property more.
  const backend = await admin.json('GET', '/api/mod/user/database') as { parameters: { 'data-format': Record<string, unknown> } }
  backend.parameters['data-format'][name] = { multiple: false, read: true, write: true, 'profile-read': true, 'profile-write': false }
  await admin.json('PUT', '/api/mod/user/database', backend)
  await admin.json('PUT', '/api/mod/user/database/reset')
}

function client (who: { client: string, secret: string }, more: Record<string, unknown>): Record<string, unknown> {
  return {
    client_id: who.client, client_secret: who.secret, name: who.client, confidential: true, enabled: true,
    token_endpoint_auth_method: ['client_secret_basic'], ...more
  }
}
