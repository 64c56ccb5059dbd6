import { clients, users } from './people.ts'
import { beginLogin, discover, endLogin } from './oauth.ts'
import type { Login } from './oauth.ts'

const steps = 10

/**
 * Logs a user in as a browser would (authorization code with PKCE, the login form, a cookie jar), so that the demo
 * has live tokens to show. Stops before the SaaS's redirect URI: the SaaS learns nothing of it.
 *
 * @param username one of `users`
 * @throws Error where the IdP's pages lead elsewhere
 */
export async function scriptedLogin (issuer: string, saasUrl: string, username: string): Promise<Login> {
  const web = await discover(issuer, clients.web)
  const redirectUri = `${saasUrl}${clients.web.redirectPath}`
  const { url, pending } = await beginLogin(web, redirectUri)
  const jar = new Map<string, string>()
  let next = url
  let form: URLSearchParams | undefined
  for (let step = 0; step < steps; step++) {
    const response: Response = await fetch(next, {
      method: form === undefined ? 'GET' : 'POST',
      headers: { Cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; ') },
      body: form,
      redirect: 'manual',
      signal: AbortSignal.timeout(5000)
    })
    keepCookies(jar, response)
    const location = response.headers.get('location')
    if (location !== null) {
      next = new URL(location, next)
      form = undefined
      if (next.href.startsWith(`${redirectUri}?`)) return endLogin(web, next, pending)
    } else if (form === undefined && response.ok) {
      form = new URLSearchParams({ username, password: users.get(username)?.password ?? '' })
    } else break
  }
  throw new Error(`the demo's IdP did not log ${username} in`)
}

function keepCookies (jar: Map<string, string>, response: Response): void {
  for (const cookie of response.headers.getSetCookie()) {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? []
    if (value === '') jar.delete(name)
    else jar.set(name, value)
  }
}
