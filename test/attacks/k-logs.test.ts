import { randomBytes } from 'node:crypto'
import type { Test } from 'tap'
import { createVerifier } from '../../src/inbound/verify.ts'
import { Refusal } from '../../src/policy/problems.ts'
import { GATEWAY, load, ROUTES } from '../config/files.ts'
import { get, parseProblem, request } from '../gateway/gatehouse.ts'
import { until } from '../gateway/idp-scene.ts'
import { startErp } from '../support/erp.ts'
import * as faults from '../support/faults.ts'
import { registerSecret, startGateway } from '../support/gateway.ts'
import { startIdp, type Idp } from '../support/idp.ts'
import { assertNoSecrets } from '../support/secrets.ts'
import { createSigningKey, noKey } from '../support/signing-keys.ts'
import { runSection, startAttacked } from './gauntlet.ts'
import { nestedToken } from './nested-token.ts'
import { logs } from './rows/k-logs.ts'
import { trustedIssuer } from './trusted-issuer.ts'

const path = '/addresses'
const routes = [{ match: `GET|POST ${path}`, require: 'user' }, { match: 'GET /open', require: 'public' }, { match: 'GET /scoped', require: { user: { scope: 'x', claims: { tenant: 'none' } } } }]

/** Text that only this test knows, and that no log may show. */
const secretText = (name: string): string => registerSecret(`${randomBytes(18).toString('base64url')}%2F+`, name)

runSection(logs, {
  async K01 (t) {
    await callersSecrets(t)
    await ownSecrets(t)
    await idpSecrets(t)
    await misplacedSecrets(t)
  },

  async K03 (t) {
    const { idp, gateway, erp } = await startAttacked(t, { routes })
    const good = idp.mint()
    t.equal((await gateway.raw(get(path, `Authorization: Bearer ${good}`))).response.status, 200)
    const [head = '', payload = '', signature = ''] = good.split('.')
    const stranger = await createSigningKey('ES256', idp.keys.current.kid)
    const forged = {
      'another key of that name': idp.mint({}, { key: stranger }),
      'an unknown kid': idp.mint({}, { header: { kid: 'unknown' } }),
      'an unknown kid, out of budget': idp.mint({}, { header: { kid: 'unknown-2' } }),
      'a kid as long as a novel': idp.mint({}, { header: { kid: 'k'.repeat(5000) } }),
      'an unknown issuer': idp.mint({ iss: 'https://evil.example.com' }),
      'no issuer': idp.mint({ iss: undefined }),
      'an issuer nested deep': nestedToken(idp, 'iss', 'list'),
      'alg none': idp.mint({}, { key: noKey }),
      'alg none, signed': idp.mint({}, { header: { alg: 'none' } }),
      'another alg': idp.mint({}, { header: { alg: 'RS256' } }),
      crit: idp.mint({}, { header: { crit: ['exp'] } }),
      'a changed payload': `${head}.${Buffer.from(Buffer.from(payload, 'base64url').toString().replace('user-1', 'user-2')).toString('base64url')}.${signature}`,
      'a signature of one byte': `${head}.${payload}.AA`,
      'no payload': `${head}..${signature}`,
      'a forged ID token': idp.mintIdToken({}, { key: stranger }),
      'forged, for another API': idp.mint({ aud: 'urn:other' }, { key: stranger }),
      'forged, not valid yet': idp.mint({ nbf: 4e9 }, { key: stranger }),
      'forged, without an end': idp.mint({ exp: undefined }, { key: stranger }),
      'forged, of an unknown person': idp.mint({ sub: undefined, scope: undefined }, { key: stranger }),
      'larger than any': idp.mint({ padding: 'x'.repeat(16_384) })
    }
    for (const target of [path, '/scoped']) {
      for (const method of ['GET', 'HEAD']) {
        const answers = new Set<string>()
        for (const [name, token] of Object.entries(forged)) {
          const { response } = await gateway.raw(request(method, target, `Authorization: Bearer ${token}`))
          t.equal(response.status, 401, name)
          answers.add(masked(response.status, response.rawHeaders, response.body))
        }
        t.equal(answers.size, 1, `${method} ${target}: ${[...answers].join('\n')}`)
      }
    }
    const reasons = new Set(gateway.logLines().filter(({ code }) => code === 'token-invalid').map(({ saw }) => saw))
    t.ok(reasons.size >= 8, `the log tells them apart: ${[...reasons].join('; ').slice(0, 1000)}`)
    // What is genuine is told.
    const told = { 'token-expired': { exp: 1 }, 'audience-mismatch': { aud: 'urn:other' }, 'token-times': { nbf: 4e9 } }
    for (const [code, claims] of Object.entries(told)) t.match(parseProblem((await gateway.raw(get(path, `Authorization: Bearer ${idp.mint(claims)}`))).response.body), { type: new RegExp(`${code}$`) })
    t.equal(erp.requests.length, 1)
  },

  async K04 (t) {
    const { idp, gateway, erp } = await startAttacked(t, { routes })
    t.equal((await gateway.call({ path, token: idp.mint() })).status, 200)
    const secret = idp.clients['middleware']?.secret ?? ''
    const wrong = randomBytes(secret.length / 2).toString('hex')
    const ways: ReadonlyArray<(value: string) => string> = [
      value => `Authorization: Bearer ${value}`, value => `Authorization: Basic ${Buffer.from(`middleware:${value}`).toString('base64')}`, value => `X-Api-Key: ${value}`, value => `Cookie: session=${value}`, value => `Authorization: Bearer a.${value}.b`
    ]
    for (const way of ways) {
      const [right, other] = await Promise.all([secret, wrong].map(async value => (await gateway.raw(get(path, way(value)))).response))
      t.equal(right && masked(right.status, right.rawHeaders, right.body), other && masked(other.status, other.rawHeaders, other.body), 'the gateway\'s own secret is no better than another text')
      t.equal(right?.status, 401)
    }
    t.equal(erp.requests.length, 1)

    const { trusted, mints, now } = await trustedIssuer()
    const { verify } = createVerifier([trusted], 16_384, now)
    const [head = '', payload = '', signature = ''] = mints.mintUser().split('.')
    const bytes = Buffer.from(signature, 'base64url')
    const spoiled = (at: number) => `${head}.${payload}.${Buffer.from(bytes.map((byte, index) => index === at ? byte ^ 1 : byte)).toString('base64url')}`
    const candidates = { 'wrong at the start': spoiled(0), 'wrong at the end': spoiled(63) }
    const times = Object.fromEntries(Object.keys(candidates).map((name): [string, number[]] => [name, []]))
    for (let round = 0; round < 1000; round++) {
      for (const [name, token] of Object.entries(candidates)) {
        const began = performance.now()
        const code = codeOf(() => verify(token, async promise => await promise))
        times[name]?.push(performance.now() - began)
        if (code !== 'token-invalid') t.fail(`${name}: ${code}`)
      }
    }
    const [start = 0, end = 0] = Object.entries(times).map(([name, list]) => {
      const median = list.sort((one, other) => one - other)[500] ?? 0
      t.comment(`${name}: ${(median * 1000).toFixed(0)} µs, the median of ${list.length}`)
      return median
    })
    t.ok(start < 3 * end && end < 3 * start, 'alike')
  }
})

/** What a caller shows, wherever he shows it. */
async function callersSecrets (t: Test): Promise<void> {
  const { idp, gateway, erp, lets } = await startAttacked(t, { routes, changes: { listen: { rate_limit: { max: 1000, per: '1s' } } } })
  // Of four names there are four texts.
  const [password, cookie, key, query] = ['a password', 'a cookie', 'an API key', 'a token in a query'].map(secretText) as [string, string, string, string]
  const opaque = registerSecret(randomBytes(24).toString('base64url'), 'an opaque token')
  // The standard one would tell the caller his own URL.
  erp.answerWith((_req, res) => { res.end('ok') })
  const tokens = [idp.mint(), idp.mintClient(), idp.mintIdToken(), idp.mint({ exp: 1 }), idp.mint({ iss: 'urn:none' }), idp.mint({ aud: 'urn:other' }), idp.mint({ exp: undefined }), idp.mint({ nbf: 4e9 }), idp.mint({}, { header: { kid: 'unknown' } }),
    idp.mint({}, { header: { typ: 'logout+jwt' } }), idp.mint({}, { key: await createSigningKey('ES256') }), idp.mint({ scope: 'x' }), nestedToken(idp, 'aud', 'list'), opaque]
  const basic = Buffer.from(`user:${password}`).toString('base64')
  const lines = [`Cookie: session=${cookie}; b=${cookie}`, `X-Api-Key: ${key}`, `Proxy-Authorization: Basic ${basic}`, `X-Forwarded-Access-Token: ${tokens[0]}`, `DPoP: ${tokens[2]}`, `Referer: https://saas.example.com/?access_token=${query}`, `X-Request-Id: ${key} x`]
  for (const target of [path, '/open', '/scoped', '/nowhere', `${path}?x=${query}`, `${path}?access_token=${query}`, `/${query}`, `${path}/../${query}`, `//${query}`]) {
    for (const credential of [...tokens.map(token => `Bearer ${token}`), `Basic ${basic}`, `Bearer "${key}"`, `Bearer ${tokens[0]}, Bearer ${tokens[1]}`, basic, `Digest response="${password}"`]) {
      const { response } = await gateway.raw(get(target, `Authorization: ${credential}`, ...lines), { idle: 20 })
      t.ok(response.status < 500, response.status.toString())
      t.notOk([password, cookie, key, query, basic].some(text => response.body.includes(text) || JSON.stringify(response.rawHeaders).includes(text)), 'nothing comes back')
    }
  }
  for (const broken of [`GET /${query} HTTP/9.9\r\nHost: a\r\nCookie: ${cookie}\r\n\r\n`, `GET / HTTP/1.1\r\nHost: a\r\nCookie: ${cookie}\r\nAuthorization : Bearer ${tokens[0]}\r\n\r\n`, `${key}\r\n\r\n`, `CONNECT ${key}:1 HTTP/1.1\r\nHost: a\r\n\r\n`, get(`/?${query}${'x'.repeat(40_000)}`), get('/', `Cookie: ${cookie}${'x'.repeat(40_000)}`)]) {
    t.match((await gateway.raw(broken, { idle: 20 })).response.status, /^4\d\d$/)
  }
  await lets(t, get(path, `Authorization: Bearer ${idp.mint()}`, ...lines))
  for (const { rawHeaders } of erp.requests) t.notOk([cookie, basic, ...tokens].some(text => rawHeaders.join().includes(text)))
  t.ok(gateway.logLines().filter(({ msg }) => msg === 'request').length > 150, 'each is logged')
  t.ok(tokens.every(token => throws(() => { assertNoSecrets(`a ${token} b`) })), 'and would be found')
  assertNoSecrets(gateway.log)
  assertNoSecrets((await gateway.admin('/metrics')).text + (await gateway.admin('/readyz')).text)
}

/** What the gateway shows the ERP, while the ERP does what it likes with it. */
async function ownSecrets (t: Test): Promise<void> {
  const [password, header] = ['the password of the gateway', 'the key of the gateway'].map(name => registerSecret(randomBytes(18).toString('base64url'), name)) as [string, string]
  const kinds = [{}, { client_credentials: undefined, basic: { username: 'gateway', password } }, { client_credentials: undefined, headers: { 'X-Erp-Key': header } }]
  for (const credential of kinds) {
    const { idp, gateway, erp } = await startAttacked(t, { routes, changes: { upstreams: { erp: { credential } } } })
    const token = idp.mint()
    const shown = async (): Promise<string> => JSON.stringify((await gateway.raw(get(path, `Authorization: Bearer ${token}`), { idle: 20 })).response.rawHeaders)
    let own = ''
    const answers: Array<Parameters<typeof erp.answerWith>[0]> = [
      (_req, res, seen) => {
        own = String(seen.headers['x-erp-key'] ?? seen.headers.authorization).split(' ').at(-1) ?? ''
        registerSecret(own, 'the credential of the gateway')
        res.writeHead(200, { 'X-Echo': own, 'X-Both': `Bearer ${own}`, 'Set-Cookie': `t=${own}`, Location: `/x?t=${own}` }).end('ok')
      },
      (_req, res) => { res.writeHead(401, { 'WWW-Authenticate': `Bearer error_description="${own} is bad"` }).end('no') },
      (_req, res) => { res.socket?.end(`HTTP/1.1 200 OK\r\nX Bad ${own}: 1\r\n\r\n`) },
      (_req, res) => { res.socket?.end(`${own}\r\n\r\n`) },
      (_req, res) => { res.socket?.resetAndDestroy() },
      (_req, res) => { res.writeHead(500, own.slice(0, 50)).end('broken') }
    ]
    for (const answer of answers) {
      erp.answerWith(answer)
      t.notOk((await shown()).includes(own))
    }
    t.ok(own.length >= 8, 'the ERP was shown a credential')
    assertNoSecrets(gateway.log)
  }
}

/** What an IdP sends back that is broken, or talks too much. */
async function idpSecrets (t: Test): Promise<void> {
  const leak = registerSecret(randomBytes(24).toString('base64url'), 'what an IdP sent')
  const broken: ReadonlyArray<(idp: Idp, secret: string) => void> = [
    (idp, secret) => { idp.fail('token', faults.json(400, { error: secret, error_description: `${secret} ${leak}`, client_secret: secret })) },
    (idp, secret) => { idp.fail('token', faults.json(401, { error: 'invalid_client', error_description: leak, error_uri: `https://idp.example.com/?${secret}` })) },
    (idp, secret) => { idp.fail('token', faults.answer(500, `Error: ${secret} ${leak}`)) },
    (idp, secret) => { idp.fail('token', faults.redirect(`https://elsewhere.example.com/?client_secret=${secret}&t=${leak}`)) },
    idp => { idp.fail('token', faults.answer(200, `{"access_token":"${leak}`, 'application/json')) },
    idp => { idp.fail('token', faults.json(200, { access_token: `${leak}\r\nX-Injected: 1`, token_type: 'Bearer' })) },
    idp => { idp.fail('token', faults.json(200, { access_token: `${leak}\u00e9\u2028`, token_type: 'Bearer' })) },
    idp => { idp.fail('token', faults.json(200, { access_token: leak, token_type: leak })) },
    idp => { idp.fail('token', faults.json(200, { access_token: { token: leak }, token_type: 'Bearer', id_token: leak })) },
    idp => { idp.fail('jwks', faults.json(200, { keys: [{ kty: 'oct', k: leak, kid: leak }, { ...idp.keys.current.privateKey?.export({ format: 'jwk' }), kid: 'private', use: leak }] })) },
    idp => { idp.fail('jwks', faults.answer(200, `{"keys": ${leak}`, 'application/json')) },
    idp => { idp.fail('discovery', faults.json(200, { issuer: `https://${leak}@idp.example.com`, jwks_uri: `https://u:${leak}@idp.example.com/jwks`, token_endpoint: leak })) },
    idp => { idp.fail('discovery', faults.redirect(`https://u:${leak}@elsewhere.example.com/`)) }
  ]
  await Promise.all(broken.map(async spoil => {
    const idp = await startIdp(t, { alg: 'ES256' })
    const erp = await startErp(t)
    const secret = idp.clients['middleware']?.secret ?? ''
    registerSecret(String(idp.keys.current.privateKey?.export({ format: 'jwk' }).d), 'a private key')
    spoil(idp, secret)
    const gateway = await startGateway(t, { idp, erp, routes })
    const token = idp.mint()
    const answer = await gateway.call({ path, token })
    t.equal(answer.status, 503, spoil.toString())
    t.notOk([secret, leak].some(text => JSON.stringify([answer.rawHeaders, answer.text]).includes(text)))
    t.ok(gateway.logLines().some(({ msg }) => /cannot be had/.test(String(msg))), 'it is logged that it failed')
    idp.heal()
    t.equal((await until(200, async () => await gateway.call({ path, token }))).status, 200)
    assertNoSecrets(gateway.log)
  }))
}

/** A secret in a place of the two files where none belongs: the mistakes are printed and logged. */
async function misplacedSecrets (t: Test): Promise<void> {
  const secret = 'hunter2-never-print-me'
  const files: ReadonlyArray<Parameters<typeof load>[0]> = [
    { gateway: GATEWAY.replace('{ env: ERP_SECRET }', `{ value: ${secret} }`) },
    { gateway: GATEWAY.replace('{ env: ERP_SECRET }', `[${secret}]`) },
    { gateway: GATEWAY.replace('{ env: ERP_SECRET }', `{ env: "${secret}" }`) },
    { gateway: GATEWAY.replace('client_secret:', 'client_sekret:').replace('{ env: ERP_SECRET }', secret) },
    { gateway: GATEWAY.replace('{ env: ERP_SECRET }', '"${ERP_SECRET}') },
    { gateway: GATEWAY.replace('https://erp.example.com\n', `https://user:${secret}@erp.example.com\n`) },
    { gateway: GATEWAY.replace('https://erp.example.com\n', '${ERP_SECRET}\n') },
    { gateway: GATEWAY.replace('idp: auth0', 'idp: "${ERP_SECRET}"') },
    { gateway: GATEWAY.replace('client_credentials:', 'basic:').replace('issuer: main', `username: u\n        password: { pasword: ${secret} }`) },
    { routes: ROUTES.replace('require: user', 'require: user\n    headers: { set: { Authorization: "Bearer hunter2-never-print-me" } }') },
    { routes: ROUTES.replace('require: user', 'require: user\n    headers: { set: { X-Api-Key: "hunter2-never-print-me\\n" } }') }
  ]
  for (const file of files) {
    const { lines, configuration } = await load(file)
    t.equal(configuration, undefined, JSON.stringify(file))
    t.ok(lines.length > 0)
    t.notOk(lines.join().includes(secret), lines.join())
  }
}

function throws (check: () => void): boolean {
  try {
    check()
    return false
  } catch {
    return true
  }
}

function codeOf (check: () => unknown): string {
  try {
    check()
    return 'nothing'
  } catch (error) {
    return error instanceof Refusal ? error.code : String(error)
  }
}

/** An answer to the byte, but for the ids and the date. */
function masked (status: number, rawHeaders: ReadonlyArray<readonly [string, string]>, body: Buffer): string {
  const ids = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g
  return JSON.stringify([status, rawHeaders.map(([name, value]) => name === 'Date' ? [name] : [name, value]), body.toString()]).replace(ids, 'an id')
}
