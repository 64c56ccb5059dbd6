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
import { spawn, execFileSync } from 'node:child_process'
import { createHash, randomBytes, randomInt } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { REDIRECT, createEverything, session } from './glewlwyd-admin.ts'
import type { Session } from './glewlwyd-admin.ts'

const BINARY = '/usr/bin/glewlwyd'
const MODULES = '/usr/lib/glewlwyd'
// Beside the package's documentation, which slim images leave out, only dbconfig's folder has the tables.
const TABLES = '/usr/share/dbconfig-common/data/glewlwyd/install/sqlite3'

const INSTALL = `glewlwyd is not installed, and the interop tests mean nothing without it. On Debian, as root:
  echo 'glewlwyd glewlwyd/config_type select No configuration' | debconf-set-selections
  apt-get install -y --no-install-recommends glewlwyd dbconfig-no-thanks`

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
export async function startGlewlwyd (t: Test): Promise<Glewlwyd> {
  if (![BINARY, TABLES].every(existsSync)) throw new Error(INSTALL)

  const folder = t.testdir({})
  const database = join(folder, 'glewlwyd.db')
  execFileSync('sqlite3', [database], { input: `BEGIN;\n${readFileSync(TABLES, 'utf8')}\nCOMMIT;` })

  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const config = join(folder, 'glewlwyd.conf')
  writeFileSync(config, configuration(port, database))
  await run(t, config, url)
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

function configuration (port: number, database: string): string {
  return `
    port = ${port}
    bind_address = "127.0.0.1"
    external_url = "http://127.0.0.1:${port}"
    login_url = "login.html"
    api_prefix = "api"
    log_mode = "console"
    log_level = "WARNING"
    cookie_secure = 0
    session_key = "GLEWLWYD2_SESSION_ID"
    admin_scope = "g_admin"
    profile_scope = "g_profile"
    user_module_path = "${MODULES}/user"
    client_module_path = "${MODULES}/client"
    user_auth_scheme_module_path = "${MODULES}/scheme"
    plugin_module_path = "${MODULES}/plugin"
    hash_algorithm = "SHA512"
    database = { type = "sqlite3"; path = "${database}" };
  `
}

async function run (t: Test, config: string, url: string): Promise<void> {
  const child = spawn(BINARY, ['--config-file', config], { stdio: ['ignore', 'pipe', 'pipe'] })
  let log = ''
  child.stdout.on('data', chunk => { log += chunk })
  child.stderr.on('data', chunk => { log += chunk })
  const exited = once(child, 'exit')
  const kill = (): void => { child.kill('SIGKILL') }
  process.once('exit', kill)
  t.teardown(async () => {
    process.off('exit', kill)
    child.kill('SIGTERM')
    await Promise.race([exited, sleep(5_000, undefined, { ref: false })])
    child.kill('SIGKILL')
    await exited
  })

  const deadline = Date.now() + 20_000
  while (!await answers(`${url}/config`)) {
    if (child.exitCode !== null || Date.now() > deadline) throw new Error(`glewlwyd did not start:\n${log}`)
    await sleep(20)
  }
}

async function answers (url: string): Promise<boolean> {
  return fetch(url).then(response => response.ok, () => false)
}

/** Below the range that the system hands out, or another test's socket could take the port before glewlwyd has it. */
async function freePort (): Promise<number> {
  const port = randomInt(20_000, 32_000)
  const server = createServer().listen(port, '127.0.0.1')
  const free = await once(server, 'listening').then(() => true, () => false)
  if (!free) return freePort()

  server.close()
  await once(server, 'close')
  return port
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
  return await response.json() as Tokens
}
