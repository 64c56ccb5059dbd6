import { X509Certificate } from 'node:crypto'
import { isoTime } from './common/dates.ts'
import { isTokenCredential, type Credential, type TokenCredential } from './config/credential-schema.ts'
import type { GatewayFile } from './config/gateway-schema.ts'
import { whyNotReachable } from './config/urls.ts'
import { IdpError } from './idp/http.ts'
import { createProvider } from './idp/provider.ts'
import { openIdpClient } from './outbound/idp-client.ts'
import { TokenRefused, type IssuedToken } from './outbound/token-endpoint.ts'
import { hiding, tokenFacts, type TokenFacts } from './outbound/token-facts.ts'
import { endOf, type TokenEnd } from './outbound/token-life.ts'
import { fetchToken, tlsOf } from './outbound/token-request.ts'

/** What can be said of the credential of one upstream; never the credential itself. */
export type TokenReport =
  | Had
  | NotHad
  | { readonly ok: true, readonly shows: Shows }

export interface NotHad {
  readonly ok: false
  readonly problem: string
  readonly status?: number
  readonly error?: string
  readonly error_description?: string
  readonly took_ms: number
}

export interface Had {
  readonly ok: true
  readonly token: TokenFacts
  readonly expires_in: number | null
  /** ISO 8601 */
  readonly ends: string
  readonly ends_by: TokenEnd['by']
  /** what was granted, where the answer says it */
  readonly scope: string | null
  readonly header: string
  /** of two client secrets, whether it took the old one */
  readonly old_secret: boolean
  readonly took_ms: number
}

/** What is shown where there is no token: names alone. */
export interface Shows {
  readonly headers: readonly string[]
  readonly certificate?: { readonly subject: string, readonly issuer: string, readonly ends: string }
}

/**
 * Fetches a machine token as the gateway would, by an issuer's document or from a token endpoint, and tells of it.
 * @param now ms since the epoch
 * @param hears why it was not had
 */
export async function tokenReport ({ issuers }: Pick<GatewayFile, 'issuers'>, credential: Credential, now: () => number, hears: (error: IdpError) => void = () => {}): Promise<TokenReport> {
  if (!isTokenCredential(credential)) return { ok: true, shows: shown(credential) }
  const tls = tlsOf(credential, { issuers })
  const { client, close } = openIdpClient(tls)
  const providers = new Map(Object.entries(issuers).map(([name, issuer]) => [name, createProvider(issuer, client, url => whyNotReachable(url, issuer.allow_http) === undefined)]))
  const [asked, began] = [now(), performance.now()]
  const took = (): number => Math.round(performance.now() - began)
  try {
    const issued = await fetchToken(credential, { issuers }, client, { providers, now })
    const end = endOf(issued, asked)
    if (end.at <= now()) throw new IdpError('answered with a token that has ended')
    return had(credential, issued, end, took())
  } catch (error) {
    if (!(error instanceof IdpError)) throw error
    hears(error)
    return { ok: false, problem: `the IdP ${error.message}`, ...error instanceof TokenRefused && inItsWords(credential, error), took_ms: took() }
  } finally {
    close()
  }
}

function had (credential: TokenCredential, issued: IssuedToken, end: TokenEnd, took: number): Had {
  const { accessToken, expiresIn, scope, secret } = issued
  const hide = hiding([accessToken, ...secretsOf(credential)])
  const { header, claims, ...facts } = tokenFacts(accessToken)
  return {
    ok: true,
    // Each stays a mapping where it is one.
    token: { ...facts, header: hide.json(header) as TokenFacts['header'], claims: hide.json(claims) as TokenFacts['claims'] },
    expires_in: expiresIn ?? null,
    ends: isoTime(end.at),
    ends_by: end.by,
    scope: scope === undefined ? null : hide.text(scope),
    header: credential.header,
    old_secret: secret === 2,
    took_ms: took
  }
}

function inItsWords (credential: TokenCredential, refused: TokenRefused): { status: number, error?: string, error_description?: string } {
  const hide = hiding(secretsOf(credential))
  const { status, error, description } = refused.told()
  return { status, ...error !== undefined && { error: hide.text(error) }, ...description !== undefined && { error_description: hide.text(description) } }
}

/** What was sent, and could come back in the IdP's words. A key is not: what it signs is hidden as any JWT is. */
function secretsOf (credential: TokenCredential): string[] {
  if (credential.kind === 'client_assertion') return []
  const { client_id: id = '', client_secret: secrets = [] } = credential
  return secrets.map(secret => secret.reveal()).flatMap(secret => [secret, `${id}:${secret}`, `${encodeURIComponent(id)}:${encodeURIComponent(secret)}`])
}

function shown (credential: Exclude<Credential, TokenCredential>): Shows {
  switch (credential.kind) {
    case 'none': return { headers: [] }
    case 'basic': return { headers: ['Authorization'] }
    case 'headers': return { headers: Object.keys(credential.headers) }
    case 'client_certificate': {
      const { subject, issuer, validTo } = new X509Certificate(credential.cert.pem)
      const oneLine = (name: string): string => name.replaceAll('\n', ', ')
      return { headers: [], certificate: { subject: oneLine(subject), issuer: oneLine(issuer), ends: isoTime(Date.parse(validTo)) } }
    }
  }
}
