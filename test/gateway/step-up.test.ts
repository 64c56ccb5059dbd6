import t from 'tap'
import type { Settings } from '../support/settings.ts'
import { startGatehouse, type Wanted } from './gatehouse.ts'

const NOW = Date.UTC(2026, 0, 1)
const ago = (seconds: number): number => NOW / 1000 - seconds
const stepUp = (code: string, parameters: Readonly<Record<string, string>>): Wanted => ({ status: 401, code, challenge: { error: 'insufficient_user_authentication', ...parameters } })
const OLD = (maxAge: number): Wanted => stepUp('login-too-old', { max_age: String(maxAge) })
const WEAK = (acr: string): Wanted => stepUp('login-too-weak', { acr_values: acr })
const forbidden = (code: string, scope?: string): Wanted => ({ status: 403, code, challenge: { error: 'insufficient_scope', ...scope !== undefined && { scope } } })

interface Row { readonly promise: string, readonly require: unknown, readonly claims: Settings, readonly wanted?: Wanted }

const BOTH = { user: { max_age: 300, acr: ['silver', 'gold'] } }
const rows: readonly Row[] = [
  { promise: 'a login within max_age passes', require: { user: { max_age: 300 } }, claims: { auth_time: ago(300) } },
  { promise: 'an older login is asked to log in again', require: { user: { max_age: 300 } }, claims: { auth_time: ago(301) }, wanted: OLD(300) },
  { promise: 'max_age may be written as a time', require: { user: { max_age: '5m' } }, claims: { auth_time: ago(301) }, wanted: OLD(300) },
  { promise: 'an acr of the list passes', require: { user: { acr: ['silver', 'gold'] } }, claims: { acr: 'gold' } },
  { promise: 'a weaker one is asked for one of them, in order', require: { user: { acr: ['silver', 'gold'] } }, claims: { acr: 'bronze' }, wanted: WEAK('silver gold') },
  { promise: 'no acr is a weak one', require: { user: { acr: 'gold' } }, claims: {}, wanted: WEAK('gold') },
  { promise: 'an acr is compared whole', require: { user: { acr: 'gold' } }, claims: { acr: 'gold silver' }, wanted: WEAK('gold') },
  { promise: 'both at once are asked for at once', require: BOTH, claims: { auth_time: ago(900), acr: 'bronze' }, wanted: stepUp('login-too-old', { max_age: '300', acr_values: 'silver gold' }) },
  { promise: 'only what is missing is asked for', require: BOTH, claims: { auth_time: ago(900), acr: 'gold' }, wanted: OLD(300) },
  { promise: 'only what is missing is asked for: acr', require: BOTH, claims: { auth_time: ago(9), acr: 'bronze' }, wanted: WEAK('silver gold') },
  // A new login brings no auth_time where the IdP writes none: asked for one, the caller would go in circles.
  ...[undefined, null, String(ago(9)), true, [ago(9)], Infinity].map((auth_time): Row => (
    { promise: `without an auth_time (${String(auth_time)}) it is a 403`, require: { user: { max_age: 300 } }, claims: { auth_time, acr: 'gold' }, wanted: forbidden('claim-mismatch') })),
  { promise: 'an auth_time in milliseconds is none', require: { user: { max_age: 300 } }, claims: { auth_time: ago(900) * 1000 }, wanted: forbidden('claim-mismatch') },
  { promise: 'a clock that is a little ahead is no harm', require: { user: { max_age: 300 } }, claims: { auth_time: ago(-20) } },
  { promise: 'where a scope is missing too, a new login would not help', require: { user: { max_age: 300, scope: 'x' } }, claims: { auth_time: ago(900), scope: 'y' }, wanted: forbidden('scope-missing', 'x') },
  { promise: 'where another alternative wants only a login, that is asked for', require: [{ user: { scope: 'x' } }, { user: { max_age: 300 } }], claims: { auth_time: ago(900), scope: 'y' }, wanted: OLD(300) },
  { promise: 'where another alternative holds, nothing is asked for', require: [{ user: { max_age: 300 } }, { user: { scope: 'y' } }], claims: { auth_time: ago(900), scope: 'y' } },
  { promise: 'the other kind\'s alternative asks nothing of this one', require: [{ client: { scope: 'x' } }, { user: { acr: 'gold' } }], claims: { acr: 'bronze' }, wanted: WEAK('gold') }
]

t.test('a login that is too old or too weak', async t => {
  const { idp, lets, refuses } = await startGatehouse(t, { routes: rows.map(({ require }, at) => ({ match: `GET /r${at}`, require })), clock: () => NOW })
  for (const [at, { promise, claims, wanted }] of rows.entries()) {
    await t.test(promise, async t => {
      const asked = { path: `/r${at}`, token: idp.mintUser(claims) }
      if (wanted === undefined) await lets(t, asked)
      else await refuses(t, asked, wanted)
    })
  }
})

t.test('the time passes for one and the same token', async t => {
  let now = NOW
  const { idp, lets, refuses } = await startGatehouse(t, { routes: [{ match: 'GET /a', require: { user: { max_age: 60 } } }], clock: () => now })
  const asked = { path: '/a', token: idp.mintUser({ auth_time: ago(0) }) }
  await lets(t, asked)
  now += 60_999
  await lets(t, asked)
  now += 1
  await refuses(t, asked, OLD(60))
})
