import { generateKeyPairSync } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import t, { type Test } from 'tap'
import { tokenText } from '../../src/commands/token-text.ts'
import { loadConfiguration } from '../../src/config/load.ts'
import { tokenReport } from '../../src/token-report.ts'
import { startErp } from '../support/erp.ts'
import { startIdp, type Idp } from '../support/idp.ts'
import { assertNoSecrets, registerSecret } from '../support/secrets.ts'
import { selfSigned, signedBy } from '../support/self-signed.ts'
import { standardGateway, writeFiles, type Settings } from '../support/settings.ts'

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const KEY = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
registerSecret(KEY.split('\n')[1] ?? '', 'a line of a private key')

interface Scene {
  readonly idp: Idp
  /** As the command does it, in this process; what it says is searched for every token and secret. */
  readonly run: (more?: readonly string[]) => Promise<{ readonly code: number, readonly stdout: string }>
}

async function scene (t: Test, changes: (idp: Idp) => Settings = () => ({})): Promise<Scene> {
  const idp = await startIdp(t, { alg: 'ES256', signers: { signer: { publicKey, alg: 'ES256', kid: 'k1', subject: 'robot' } } })
  const erp = await startErp(t)
  const { config, routes } = await writeFiles(t, { gateway: standardGateway({ idp, erp }, changes(idp)), routes: [{ match: 'GET /orders', require: 'user' }] })
  const { configuration, mistakes } = await loadConfiguration({ config, routes }, {})
  t.ok(configuration, JSON.stringify(mistakes))
  return {
    idp,
    async run (more = []) {
      const { erp: { credential } = { credential: { kind: 'none' } as const }, ...others } = configuration?.gateway.upstreams ?? {}
      t.same(others, {})
      const told = await tokenReport(configuration?.gateway ?? { issuers: {} }, credential, Date.now)
      const stdout = tokenText({ upstream: 'erp', credential: credential.kind }, told, more.includes('--json'))
      assertNoSecrets(stdout)
      return { code: told.ok ? 0 : 1, stdout }
    }
  }
}

const credential = (to: Settings | 'none', more: Settings = {}): Settings => ({ upstreams: { erp: { credential: to === 'none' ? to : { client_credentials: undefined, ...to }, ...more } } })
const parsed = (stdout: string): Record<string, unknown> => ({ ...JSON.parse(stdout) as Record<string, unknown> })
const ANSWER = (status: number, body: unknown) => (_req: IncomingMessage, res: ServerResponse): void => { res.writeHead(status, { 'content-type': 'application/json' }).end(typeof body === 'string' ? body : JSON.stringify(body)) }

t.test('a JWT is told by its header, claims and end, and is not shown', async t => {
  for (const changes of [
    () => ({ upstreams: { erp: { credential: { client_credentials: { scope: 'erp' } } } } }),
    () => credential({ client_assertion: { issuer: 'main', client_id: 'signer', key: KEY, kid: 'k1', scope: 'erp' } }),
    (idp: Idp) => credential({ jwt_bearer: { token_endpoint: idp.tokenEndpoint, iss: 'signer', subject: 'robot', key: KEY, kid: 'k1', scope: 'erp' } })
  ]) {
    const { idp, run } = await scene(t, changes)
    const { code, stdout } = await run(['--json'])
    t.equal(code, 0)
    t.equal(idp.requests.token, 1)
    const token = idp.tokenRequests[0]?.token ?? ''
    t.match(parsed(stdout), {
      upstream: 'erp', ok: true, token: { format: 'jwt', length: token.length, header: { alg: 'ES256', typ: 'at+jwt' }, claims: { iss: idp.issuer, client_id: String } }, expires_in: 300, ends_by: /^exp(?:ires_in)?$/, scope: 'erp', header: 'Authorization', old_secret: false
    })
    t.ok(Math.abs(Date.parse(String(parsed(stdout)['ends'])) - Date.now() - 300_000) < 60_000)
    for (const part of token.split('.')) t.notOk(stdout.includes(part))
    const told = await run()
    t.equal(told.code, 0)
    t.match(told.stdout, `claim "iss": "${idp.issuer}"`)
    for (const part of token.split('.')) t.notOk(told.stdout.includes(part))
  }
})

t.test('an opaque one by its length and its life', async t => {
  const { idp, run } = await scene(t)
  Object.assign(idp.machine, { format: 'opaque', expiresIn: undefined, answer: { scope: undefined } })
  const { code, stdout } = await run(['--json'])
  t.equal(code, 0)
  t.match(parsed(stdout), { token: { format: 'opaque', length: 43 }, expires_in: null, ends_by: 'neither', scope: null })
  t.notOk('claims' in Object(parsed(stdout)['token']))
})

t.test('the end is the token\'s own where that is earlier', async t => {
  const { idp, run } = await scene(t)
  Object.assign(idp.machine, { expiresIn: 3600, lifetime: 60 })
  t.match(parsed((await run(['--json'])).stdout), { expires_in: 3600, ends_by: 'exp' })
  idp.machine.lifetime = -10
  const ended = await run(['--json'])
  t.equal(ended.code, 1)
  t.match(parsed(ended.stdout), { ok: false, problem: /has ended/ })
})

t.test('claims that a terminal would obey, or that hold the token or a secret, are made harmless', async t => {
  const { idp, run } = await scene(t)
  const secret = Object.values(idp.clients)[0]?.secret ?? ''
  const nested = idp.mint()
  Object.assign(idp.machine.claims, { evil: '\u001b]0;title\u0007\u001b[2J\r\n\u202edlrow\u200b\u009b', secret: `it is ${secret}!`, [`key ${secret}`]: 1, basic: Buffer.from(`middleware:${secret}`).toString('base64'), nested, deep: { list: [nested, { secret }] } })
  for (const more of [[], ['--json']]) {
    const { code, stdout } = await run(more)
    t.equal(code, 0)
    t.notMatch(stdout, /[\0-\x09\x0b-\x1f\x7f-\x9f\u200b\u202e]/)
    t.ok(stdout.includes('\\u001b'))
    t.notOk(stdout.includes(secret))
    t.ok(stdout.includes('[hidden]'))
    t.notMatch(stdout, /eyJ[\w-]+/)
  }
})

t.test('an IdP that says no is told in its words, without what was sent to it: status 1', async t => {
  const { idp, run } = await scene(t)
  const secret = Object.values(idp.clients)[0]?.secret ?? ''
  idp.fail('token', ANSWER(400, { error: 'invalid_grant', error_description: `no such user; you sent ${secret} \u001b[31mand ${idp.mint()}` }))
  for (const more of [[], ['--json']]) {
    const { code, stdout } = await run(more)
    t.equal(code, 1)
    t.match(stdout, 'invalid_grant')
    t.match(stdout, /no such user; you sent \[hidden\] \\u001b\[31mand \[hidden\]/)
    t.notOk(stdout.includes('\u001b'))
  }
  t.match(parsed((await run(['--json'])).stdout), { ok: false, status: 400, error: 'invalid_grant' })
  for (const [fault, problem] of [[ANSWER(401, ''), /401/], [ANSWER(200, 'no json'), /no token/], [ANSWER(302, {}), /redirects/], [ANSWER(200, { access_token: 'a b', token_type: 'Bearer' }), /header/]] as const) {
    idp.fail('token', fault)
    const { code, stdout } = await run(['--json'])
    t.equal(code, 1)
    t.match(parsed(stdout), { ok: false, problem })
  }
})

t.test('one that cannot be reached, or has another\'s document, is status 1 too', async t => {
  const { idp, run } = await scene(t)
  idp.discovery = { issuer: 'https://another.example.com' }
  t.match(await run(), { code: 1, stdout: /document of another issuer/ })
  await idp.stop()
  t.match(await run(), { code: 1, stdout: /refused the connection/ })
})

t.test('an assertion that is repeated is hidden', async t => {
  const { idp, run } = await scene(t, () => credential({ client_assertion: { issuer: 'main', client_id: 'signer', key: KEY, kid: 'another' } }))
  t.match(await run(['--json']), { code: 1, stdout: /"error": "invalid_client"/ })
  idp.fail('token', async (_req, res) => {
    ANSWER(400, { error: 'invalid_client', error_description: `bad assertion ${idp.tokenRequests.at(-1)?.params.get('client_assertion')}` })(_req, res)
  })
  const { stdout } = await run()
  t.match(stdout, 'bad assertion [hidden]')
  const sent = registerSecret(idp.tokenRequests.at(-1)?.params.get('client_assertion') ?? '')
  t.notOk(stdout.includes(sent.split('.')[2] ?? '-'))
})

t.test('credentials without a token are told by names alone, and ask nobody', async t => {
  const authority = selfSigned({ commonName: 'an authority' })
  const pair = signedBy(authority, { commonName: 'the \u001b[31mgateway' })
  registerSecret(pair.key.split('\n')[1] ?? '')
  const [password, apiKey] = [registerSecret('a password for tests'), registerSecret('an API key for tests')]
  for (const [to, says] of [
    [{ basic: { username: 'gw', password } }, { credential: 'basic', shows: { headers: ['Authorization'] } }],
    [{ headers: { 'X-Api-Key': apiKey, 'X-Tenant': 'tenant-one' } }, { credential: 'headers', shows: { headers: ['X-Api-Key', 'X-Tenant'] } }],
    ['none', { credential: 'none', shows: { headers: [] } }],
    [{ client_certificate: { ...pair } }, { credential: 'client_certificate', shows: { headers: [], certificate: { subject: /^CN=the/, issuer: 'CN=an authority', ends: /^\d{4}-/ } } }]
  ] as const) {
    const { idp, run } = await scene(t, () => credential(to, says.credential === 'client_certificate' ? { url: 'https://erp.example.com' } : {}))
    for (const more of [['--json'], []]) {
      const { code, stdout } = await run(more)
      t.equal(code, 0)
      t.notMatch(stdout, /tenant-one|for tests|PRIVATE|\u001b/)
      if (more.length > 0) t.match(parsed(stdout), { ok: true, ...says })
    }
    t.equal(idp.requests.token + idp.requests.discovery, 0)
  }
})
