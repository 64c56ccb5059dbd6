// Who is measured: how each is configured and started, on a port of its own.
import { spawn } from 'node:child_process'
import { mkdirSync, openSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { audience, issuer, machineToken, ports } from './surroundings.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const root = join(here, '..')
const erp = `http://127.0.0.1:${ports.erp}`

/** name → { title, port, auth, scopes, logs, start(dir, { log }) → child } */
export const subjects = {
  countersign: { title: 'Countersign', port: 7010, auth: true, logs: true, start: startGateway },
  'haproxy-pass': { title: 'HAProxy, no auth', port: 7020, auth: false, start: dir => startHaproxy(dir, 'pass', 7020, '') },
  'haproxy-jwt': { title: 'HAProxy `jwt_verify`', port: 7021, auth: true, logs: true, start: (dir, { log }) => startHaproxy(dir, 'jwt', 7021, jwtRules(dir), log) },
  apache: { title: 'Apache + mod_auth_openidc', port: 7030, auth: true, start: startApache },
  bare: { title: 'bare node:http + undici, no auth', port: 7040, auth: false, start: (_dir, options) => startPeer('bare.mjs', 7040, options?.erp) },
  'http-proxy': { title: '@fastify/http-proxy, no auth', port: 7041, auth: false, start: () => startPeer('http-proxy.mjs', 7041) },
  'http-proxy-jwt': { title: '@fastify/http-proxy + @fastify/jwt + get-jwks', port: 7042, auth: true, scopes: false, start: () => startPeer('http-proxy-jwt.mjs', 7042) },
  express: { title: 'express + express-oauth2-jwt-bearer + http-proxy-middleware', port: 7043, auth: true, start: () => startPeer('express.mjs', 7043) }
}

// Everything that is measured has the first core; the load and the ERP have the second.
function onCore (core, command, args, options = {}) {
  return spawn('taskset', ['-c', core, command, ...args], { stdio: 'ignore', ...options })
}

function startPeer (file, port, target = erp) {
  return onCore('0', process.execPath, [join(here, 'peers', file)], { env: { ...process.env, PORT: String(port), ERP: target, ISSUER: issuer, AUDIENCE: audience, NODE_ENV: 'production' }, cwd: here })
}

export function gatewayFiles (dir, { log = false, rules = 10, port = 7010, erp: target = erp } = {}) {
  const config = join(dir, `gateway-${port}-${log}.yaml`)
  const routes = join(dir, `routes-${rules}.yaml`)
  writeFileSync(config, `
listen: { host: 127.0.0.1, port: ${port} }
admin: { host: 127.0.0.1, port: ${port + 1} }
log: { requests: ${log} }
issuers: { main: { issuer: "${issuer}", audience: ${audience} } }
upstreams: { erp: { url: "${target}", credential: { client_credentials: { issuer: main, client_id: middleware, client_secret: bench } } } }
`)
  const more = Array.from({ length: Math.max(0, rules - 4) }, (_, at) => `  - match: GET|POST /v1/resource${at}/:id/items\n    require: [user, { client: { scope: "read:${at}" } }]\n`).join('')
  writeFileSync(routes, `
routes:
  - match: GET /addresses/:id
    require: [user, { client: { scope: read:address } }]
  - match: POST /addresses
    require: { user: { scope: read:address } }
  - match: GET /large
    require: user
  - match: GET /scoped/:id
    require: { user: { scope: admin } }
${more}`)
  return { config, routes }
}

export function startGateway (dir, options = {}) {
  const { config, routes } = gatewayFiles(dir, options)
  const out = openSync(join(dir, 'countersign.log'), 'w')
  // As the image starts it.
  return onCore(options.cores ?? '0', process.execPath, ['--max-semi-space-size=32', join(root, 'dist/src/cli.js'), 'start', '--config', config, '--routes', routes], { stdio: ['ignore', out, 'inherit'] })
}

function startHaproxy (dir, name, port, rules, log = false) {
  const file = join(dir, `haproxy-${name}.cfg`)
  writeFileSync(file, `
global
  nbthread 1
  maxconn 1000
  ${log ? `log ${dir}/haproxy.sock local0` : ''}
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  ${log ? 'log global\n  option httplog' : ''}
frontend ${name}
  bind 127.0.0.1:${port}
${rules}
  default_backend erp
backend erp
  server erp 127.0.0.1:${ports.erp}
`)
  return onCore('0', 'haproxy', ['-db', '-f', file], { stdio: ['ignore', log ? openSync(join(dir, 'haproxy.log'), 'w') : 'ignore', 'ignore'] })
}

function jwtRules (dir) {
  return `  http-request set-var(txn.bearer) http_auth_bearer
  http-request set-var(txn.alg) var(txn.bearer),jwt_header_query('$.alg')
  http-request set-var(txn.kid) var(txn.bearer),jwt_header_query('$.kid')
  http-request set-var(txn.iss) var(txn.bearer),jwt_payload_query('$.iss')
  http-request set-var(txn.aud) var(txn.bearer),jwt_payload_query('$.aud')
  http-request set-var(txn.exp) var(txn.bearer),jwt_payload_query('$.exp','int')
  http-request set-var(txn.scope) var(txn.bearer),jwt_payload_query('$.scope')
  http-request set-var(txn.now) date()
  http-request deny deny_status 401 unless { var(txn.alg) -m str RS256 }
  http-request deny deny_status 401 unless { var(txn.kid) -m str k1 }
  http-request deny deny_status 401 unless { var(txn.iss) -m str ${issuer} }
  http-request deny deny_status 401 unless { var(txn.aud) -m str ${audience} }
  http-request deny deny_status 401 if { var(txn.exp),sub(txn.now) -m int lt 0 }
  http-request deny deny_status 401 unless { var(txn.bearer),jwt_verify(txn.alg,"${dir}/issuer.pem") -m int 1 }
  http-request deny deny_status 403 unless { var(txn.scope) -m sub read:address }
  http-request deny deny_status 403 if { path_beg /scoped/ } !{ var(txn.scope) -m sub admin }
  http-request set-header Authorization "Bearer ${machineToken}"`
}

function startApache (dir) {
  const modules = '/usr/lib/apache2/modules'
  mkdirSync(join(dir, 'apache'), { recursive: true })
  const file = join(dir, 'apache.conf')
  writeFileSync(file, `
ServerRoot ${dir}/apache
PidFile ${dir}/apache/pid
ErrorLog ${dir}/apache/error.log
ServerName 127.0.0.1
Listen 127.0.0.1:7030
${['mpm_event', 'authn_core', 'authz_core', 'authz_user', 'proxy', 'proxy_http', 'headers', 'auth_openidc'].map(name => `LoadModule ${name}_module ${modules}/mod_${name}.so`).join('\n')}
User www-data
Group www-data
StartServers 1
ServerLimit 1
ThreadsPerChild 64
MaxRequestWorkers 64
KeepAlive On
MaxKeepAliveRequests 0
OIDCOAuthVerifyCertFiles k1#${dir}/issuer.pem
OIDCRedirectURI http://127.0.0.1:7030/redirect
OIDCCryptoPassphrase bench
OIDCClientID bench
OIDCClientSecret bench
OIDCCacheShmMax 4000
OIDCCacheShmEntrySizeMax 16929
<Location "/">
  AuthType oauth20
  Require claim aud:${audience}
  RequestHeader set Authorization "Bearer ${machineToken}"
</Location>
<Location "/scoped/">
  AuthType oauth20
  Require claim scope~admin
</Location>
ProxyPass "/" "${erp}/" keepalive=On
`)
  return onCore('0', 'apache2', ['-f', file, '-DFOREGROUND'], { env: { ...process.env, APACHE_RUN_DIR: join(dir, 'apache') }, stdio: ['ignore', 'ignore', 'inherit'] })
}
