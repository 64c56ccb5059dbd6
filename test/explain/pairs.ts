import type { Idp } from '../support/idp.ts'
import { signCompact } from '../support/signing-keys.ts'

/** Rules of every kind. */
export const routes = [
  { match: 'POST /addresses', require: 'user' },
  { match: 'GET /addresses/:id', require: ['user', { client: { scope: 'read:address' } }] },
  { match: 'PUT|PATCH /addresses/:id', require: { client: { scope: 'write:address' } } },
  { match: 'GET /addresses/vip', require: { user: { claims: { tier: 'gold' }, any_scope: ['vip', 'admin'] } } },
  { match: 'DELETE /addresses/:id', require: { 'user|client': { client_id: ['saas', 'billing'], permission: ['erase'] } } },
  { match: 'GET /fresh', require: { user: { max_age: '5m', acr: ['high'] } } },
  { match: 'GET /own/:user', require: { user: { where: 'request.params.user == principal.subject' } } },
  { match: 'ANY /staff/*', require: { user: { role: 'clerk' } } },
  { match: 'GET /other', require: 'user|client', issuers: 'second' },
  { match: 'GET /tried', require: { user: { scope: 'tried', acr: ['high'] } }, enforce: 'report' },
  { match: 'GET /status', require: 'public' }
]
/** Requests that meet each of them, and none. */
export const requests = [
  ['POST', '/addresses'], ['GET', '/addresses/17'], ['PUT', '/addresses/17'], ['PATCH', '/addresses/17?q=1'], ['GET', '/addresses/vip'],
  ['DELETE', '/addresses/17'], ['GET', '/fresh'], ['GET', '/own/user-1'], ['GET', '/own/user-2'], ['DELETE', '/staff/a/b'], ['GET', '/other'], ['GET', '/tried'], ['GET', '/status'],
  ['GET', '/none'], ['POST', '/status'], ['GET', '/Addresses/17'], ['GET', '/addresses/../x'], ['GET', '/addresses//x'], ['GET', '/status?access_token=x'], ['GET', '/addresses/%31']
] as const

type Mint = (idp: Idp) => string | undefined
const seconds = (): number => Math.floor(Date.now() / 1000)
/** Tokens with something the matter with them, and without. */
export const tokens: Readonly<Record<string, Mint>> = {
  nobody: () => undefined,
  user: idp => idp.mintUser(),
  'user, all of it': idp => idp.mintUser({ scope: 'vip admin read:address', tier: 'gold', permissions: ['erase'], roles: ['clerk'], acr: 'high', auth_time: seconds() - 10 }),
  'user, a lesser tier': idp => idp.mintUser({ scope: 'vip', tier: 'silver' }),
  'user, an old login': idp => idp.mintUser({ acr: 'high', auth_time: seconds() - 4000 }),
  client: idp => idp.mintClient(),
  'client, read': idp => idp.mintClient({ scope: 'read:address' }),
  'client, write': idp => idp.mintClient({ scope: 'read:address write:address', permissions: ['erase'] }),
  'client of another name': idp => idp.mintClient({ client_id: 'other', permissions: ['erase'] }),
  'ID token': idp => idp.mintIdToken(),
  expired: idp => idp.mintUser({ exp: seconds() - 100 }),
  'not yet': idp => idp.mintUser({ nbf: seconds() + 1000 }),
  'no end': idp => idp.mintUser({ exp: undefined }),
  'wrong audience': idp => idp.mintUser({ aud: 'https://other.example.com' }),
  'unknown issuer': idp => idp.mintUser({ iss: 'https://evil.example.com' }),
  'nearly the issuer': idp => idp.mintUser({ iss: `${idp.issuer}/` }),
  'alg none': idp => `${idp.mintUser().split('.').slice(0, 2).join('.')}.`,
  'another signature': idp => `${idp.mintUser().slice(0, -8)}AAAAAAAA`,
  'unknown kid': idp => idp.mintUser({}, { header: { kid: 'nobody' } }),
  'a refresh token': idp => idp.mintUser({}, { header: { typ: 'Refresh' } }),
  unproven: idp => idp.mintUser({ auth_time: undefined }),
  'an agent': idp => idp.mintUser({ sub_profile: 'ai_agent' }),
  opaque: () => 'opaque-token-of-no-meaning',
  'crit in the header': idp => signCompact({ alg: idp.keys.current.alg, kid: idp.keys.current.kid, crit: ['x'] }, { iss: idp.issuer }, idp.keys.current),
  'claims that are none': idp => signCompact({ alg: idp.keys.current.alg, kid: idp.keys.current.kid }, '[]', idp.keys.current),
  'very large': idp => idp.mintUser({ padding: 'x'.repeat(20_000) }),
  'with a space': idp => `${idp.mintUser()} x`,
  'machine token of the gateway': idp => idp.mintClient({ client_id: 'middleware', aud: 'https://erp.example.com' })
}
