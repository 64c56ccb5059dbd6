import type { Exchange, Jwt } from './exchange.ts'
import { html } from './html.ts'
import type { Html } from './html.ts'
import type { TokenName } from './lessons.ts'

const names: Readonly<Record<TokenName | 'machine', string>> = {
  user: 'the user’s access token',
  id: 'the user’s ID token',
  saas: 'the SaaS’s own token',
  readonly: 'the SaaS’s read-only token',
  machine: 'the gateway’s own token',
  none: 'no token'
}

/** A token's kind as a small coloured label; one colour per kind on every page. */
export function tokenChip (token: TokenName | 'machine'): Html {
  return html`<span class="token ${token}">${names[token]}</span>`
}

/** The claims that tell what a token is, each with what it says. */
export function tellingClaims ({ sent: { token, jwt } }: Exchange): ReadonlyArray<readonly [name: string, value: string, says: string]> {
  if (jwt === undefined) return []
  const { header, claims } = jwt
  const rows: ReadonlyArray<readonly [string, unknown, string]> = [
    ['typ', header.typ ?? '(none)', header.typ === 'at+jwt' ? 'an access token' : 'an access token has at+jwt here'],
    ['aud', claims.aud, token === 'id' ? 'made for the SaaS, not for the API' : 'made for this API'],
    ['sub', claims.sub, claims.sub === claims.client_id ? 'a machine: the same as client_id' : 'a person'],
    ['client_id', claims.client_id, 'who asked for it'],
    ['auth_time', time(claims.auth_time), 'when the person logged in'],
    ['nonce', claims.nonce, 'only ID tokens carry one'],
    ['scope', claims.scope, 'what it may do']
  ]
  return rows.filter(([, value]) => value !== undefined).map(([name, value, says]) => [name, String(value), says])
}

/** Header and claims as text, for reading. The signature is not among them. */
export function wholeToken ({ header, claims }: Jwt): string {
  return `${JSON.stringify(header, null, 2)}\n${JSON.stringify(claims, null, 2)}`
}

function time (seconds: unknown): string | undefined {
  return typeof seconds === 'number' ? new Date(seconds * 1000).toISOString().slice(0, 19).concat('Z') : undefined
}
