// The issuer, its tokens, and nginx as the ERP: what every subject is measured against.
import { createServer } from 'node:http'
import { generateKeyPairSync, sign } from 'node:crypto'
import { chmodSync, writeFileSync, mkdirSync } from 'node:fs'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { once } from 'node:events'

export const ports = { issuer: 7001, erp: 7002 }
export const issuer = `http://127.0.0.1:${ports.issuer}/`
/** What every subject that shows a credential of its own shows the ERP. */
export const machineToken = `machine-${'m'.repeat(700)}`
export const audience = 'https://api.example.com'

/** Starts the issuer; `dir` receives tokens and the public key. */
export async function startIssuer (dir) {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'k1', use: 'sig', alg: 'RS256' }
  writeFileSync(join(dir, 'issuer.pem'), publicKey.export({ type: 'spki', format: 'pem' }))
  const documents = {
    '/.well-known/openid-configuration': { issuer, jwks_uri: `${issuer}jwks`, token_endpoint: `${issuer}token`, authorization_endpoint: `${issuer}auth`, id_token_signing_alg_values_supported: ['RS256'], subject_types_supported: ['public'], response_types_supported: ['code'] },
    '/jwks': { keys: [jwk] },
    '/.well-known/jwks.json': { keys: [jwk] },
    '/token': { access_token: machineToken, token_type: 'Bearer', expires_in: 86400 }
  }
  const server = createServer((request, response) => {
    const document = documents[request.url.split('?')[0]]
    response.writeHead(document === undefined ? 404 : 200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(document ?? {}))
  })
  server.listen(ports.issuer, '127.0.0.1')
  await once(server, 'listening')
  return { server, mint: (at, changes, key = privateKey) => mint(at, changes, key), stranger }
}

/** An RS256 access token of about 800 bytes. */
function mint (at, { claims = {}, header = {} } = {}, key) {
  const now = Math.floor(Date.now() / 1000)
  const head = encode({ alg: 'RS256', typ: 'at+jwt', kid: 'k1', ...header })
  const body = encode({ iss: issuer, sub: `user-${at}`, client_id: 'saas', aud: audience, iat: now, exp: now + 86400, auth_time: now, scope: 'openid read:address', jti: `token-${at}`, email: `user-${at}@example.com`, note: 'x'.repeat(70), ...claims })
  return `${head}.${body}.${sign('RSA-SHA256', Buffer.from(`${head}.${body}`), key).toString('base64url')}`
}

function encode (value) {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

/** Writes the tokens of each workload, one a line. */
export function writeTokens (dir, { mint, stranger }, fresh) {
  const lines = (count, make) => Array.from({ length: count }, (_, at) => make(at)).join('\n')
  writeFileSync(join(dir, 'live.txt'), lines(1000, at => mint(at)))
  writeFileSync(join(dir, 'one.txt'), mint(0))
  writeFileSync(join(dir, 'fresh.txt'), lines(fresh, at => mint(100_000 + at)))
  // To warm up with: what verifies must be compiled, too.
  writeFileSync(join(dir, 'warm.txt'), lines(8000, at => mint(50_000 + at)))
  writeFileSync(join(dir, 'expired.txt'), lines(1000, at => mint(at, { claims: { iat: 1_600_000_000, exp: 1_600_000_300 } })))
  writeFileSync(join(dir, 'scope.txt'), lines(1000, at => mint(at, { claims: { scope: 'openid' } })))
  writeFileSync(join(dir, 'kid.txt'), lines(1000, at => mint(at, { header: { kid: `unknown-${at}` } }, stranger)))
}

/** nginx on one worker: 90 bytes at /, 64 KiB at /large, and it swallows what is posted. */
export async function startErp (dir) {
  mkdirSync(join(dir, 'www'), { recursive: true })
  // nginx's worker is another user.
  chmodSync(dir, 0o755)
  writeFileSync(join(dir, 'www/large'), 'x'.repeat(65_536))
  const answer = '{"id":1,"name":"Ada","street":"12 Analytical Row","city":"London","country":"GB","ok":1}'
  writeFileSync(join(dir, 'nginx.conf'), `
worker_processes 1; pid ${dir}/nginx.pid; error_log ${dir}/nginx.err; daemon off;
events { worker_connections 4096; }
http {
  access_log off; keepalive_requests 1000000000; keepalive_timeout 600s; client_max_body_size 0;
  client_body_temp_path ${dir}/body; proxy_temp_path ${dir}/proxy; sendfile on; default_type application/json;
  server {
    listen 127.0.0.1:${ports.erp} ;
    location = /large { root ${dir}/www; }
    location = /echo { client_body_buffer_size 16k; proxy_pass http://127.0.0.1:${ports.erp}/sink; }
    location / { return 200 '${answer}'; }
  }
}`)
  const child = spawn('taskset', ['-c', '1', 'nginx', '-c', join(dir, 'nginx.conf')], { stdio: 'ignore' })
  return child
}
