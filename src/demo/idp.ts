import { generateKeyPairSync, randomBytes } from 'node:crypto'
import type Provider from 'oidc-provider'
import type { Configuration, KoaContextWithOIDC } from 'oidc-provider'
import { api, clients, erp, tokenSeconds, users } from './people.ts'
import type { Client } from './people.ts'
import { pageHeaders } from './html.ts'
import { loginPages, messagePage } from './login-page.ts'
import type { Site } from './site.ts'

type Library = typeof import('oidc-provider')

/**
 * Serves a real OpenID provider at `site`: login page, authorization code with PKCE, client credentials with
 * resource indicators (RFC 8707), JWT access tokens (RFC 9068, RS256), ID tokens. Its key is made at the start
 * and lives in memory, as everything here does.
 *
 * @param site where it listens; its URL is the issuer
 * @param saasUrl the SaaS's URL, where users are sent back to
 * @throws Error in plain words when oidc-provider, an optional dependency, is not installed
 */
export async function serveIdp (site: Site, saasUrl: string): Promise<void> {
  const provider = await quietly(async () => {
    const library = await load()
    return new library.default(site.url, configuration(library, saasUrl))
  })
  const oidc = provider.callback()
  const login = loginPages(provider, saasUrl)
  site.serve((request, response) => {
    if (login.takes(request)) void login.answer(request, response)
    else void oidc(request, response)
  })
}

async function load (): Promise<Library> {
  try {
    return await import('oidc-provider')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw new Error('The demo needs the optional package oidc-provider, which is not installed. Run: npm install --include=optional', { cause: error })
  }
}

function configuration ({ errors }: Library, saasUrl: string): Configuration {
  return {
    jwks: { keys: [{ ...generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }), kid: randomBytes(4).toString('hex'), alg: 'RS256', use: 'sig' }] },
    cookies: { keys: [randomBytes(32).toString('base64url')] },
    clients: Object.values(clients).map((client: Client) => metadata(client, saasUrl)),
    scopes: [...new Set(Object.values(clients).flatMap((client: Client) => client.scopes))],
    claims: { openid: ['sub'], profile: ['name'] },
    // The name goes into the ID token itself: that is what an ID token is for.
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    ttl: { IdToken: tokenSeconds, Session: tokenSeconds, Interaction: tokenSeconds, Grant: tokenSeconds, AuthorizationCode: 60, AccessToken: tokenSeconds, ClientCredentials: tokenSeconds },
    interactions: { url: (_context, interaction) => `/login/${interaction.uid}` },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      rpInitiatedLogout: { enabled: false },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_context, resource, { clientId }) => {
          const client = Object.values(clients).find(({ id }) => id === clientId)
          if (client?.resource !== resource) throw new errors.InvalidTarget('this client gets no token for this API')
          return { scope: resource === erp ? 'erp' : 'read:address write:address', accessTokenFormat: 'jwt', accessTokenTTL: tokenSeconds, jwt: { sign: { alg: 'RS256' } } }
        }
      }
    },
    findAccount: (_context, sub) => {
      const user = users.get(sub)
      return user && { accountId: sub, claims: () => ({ sub, name: user.name }) }
    },
    // Proof that a human logged in; without it the profile rfc9068 cannot tell a user's token from a machine's.
    extraTokenClaims: (context, token) => token.kind === 'AccessToken' ? { auth_time: context.oidc.entities.AuthorizationCode?.authTime } : undefined,
    loadExistingGrant: consent,
    renderError: (context, { error, error_description: description }) => {
      context.set(pageHeaders())
      context.body = messagePage('The IdP cannot do that', description ?? error)
    }
  }
}

function metadata ({ id, secret, scopes, redirectPath }: Client, saasUrl: string) {
  return {
    client_id: id,
    client_secret: secret,
    scope: scopes.join(' '),
    ...(redirectPath === undefined
      ? { grant_types: ['client_credentials'], response_types: [], redirect_uris: [] }
      : { grant_types: ['authorization_code'], redirect_uris: [`${saasUrl}${redirectPath}`] })
  }
}

// The SaaS belongs to the same house as the IdP: nobody is asked whether it may know their name.
async function consent ({ oidc }: KoaContextWithOIDC) {
  const { client, session, provider } = oidc
  if (client === undefined || session?.accountId === undefined) return undefined
  const known = session.grantIdFor(client.clientId)
  const found = known === undefined ? undefined : await provider.Grant.find(known)
  if (found !== undefined) return found
  const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId })
  grant.addOIDCScope(client.scope ?? 'openid')
  grant.addResourceScope(api, '')
  await grant.save()
  return grant
}

/**
 * Runs `work` without the two lines that oidc-provider writes to the console: that it keeps its data in memory (a
 * demo should), and that Node 20 is unsupported (what the demo uses of it is tested there).
 */
async function quietly (work: () => Promise<Provider>): Promise<Provider> {
  const { warn } = console
  console.warn = (...words: unknown[]) => {
    if (!/oidc-provider WARNING: (Unsupported runtime|a quick start development-only in-memory adapter)/.test(String(words[0]))) warn(...words)
  }
  try {
    return await work()
  } finally {
    console.warn = warn
  }
}
