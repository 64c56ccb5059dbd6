import { TLSSocket, type TlsOptions } from 'node:tls'
import t, { type Test } from 'tap'
import { startErp } from '../support/erp.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { startIdp } from '../support/idp.ts'
import { rewrite, standardGateway, type Settings } from '../support/settings.ts'
import { selfSigned, signedBy } from '../support/self-signed.ts'

const ROUTES = [{ match: 'GET /orders', require: 'user' }, { match: 'GET /status', require: 'public' }]
const authority = selfSigned({ commonName: 'our root', names: ['root.test'] })
const other = selfSigned({ commonName: 'another root', names: ['root.test'] })
const client = signedBy(authority, { commonName: 'gateway', names: ['gateway.test'] })

async function scene (t: Test, server: TlsOptions, tls: Settings | undefined) {
  const idp = await startIdp(t, { alg: 'ES256', tls: server })
  const erp = await startErp(t)
  const changes = (next: Settings | undefined): Settings => next === undefined ? {} : { issuers: { main: { tls: next } } }
  const gateway = await startGateway(t, { idp, erp, routes: ROUTES, changes: changes(tls) })
  const ask = async (path = '/orders') => await gateway.call({ path, ...path === '/orders' && { token: idp.mint() } })
  const change = async (next: Settings | undefined): Promise<void> => {
    await rewrite(gateway.dir, { gateway: standardGateway({ idp, erp }, changes(next)) })
    await gateway.reload()
  }
  return { idp, erp, gateway, ask, change }
}

const problems = (gateway: TestGateway, of: 'issuer' | 'upstream'): unknown[] => gateway.logLines().filter(line => line[of] !== undefined && line['problem'] !== undefined).map(({ problem }) => problem)

t.test('discovery, keys and token come by the authority of the issuer', async t => {
  const { idp, erp, ask } = await scene(t, signedBy(authority), { ca: authority.cert })
  t.match([await ask(), await ask('/status')], [{ status: 200 }, { status: 200 }])
  t.match(idp.requests, { discovery: 1, jwks: 1, token: 1 })
  t.equal(erp.requests.length, 2)
})

t.test('an issuer that cannot prove who it is gets no secret, and lends no keys', async t => {
  for (const [name, server, tls] of [
    ['another authority', signedBy(authority), { ca: other.cert }],
    ['none of its own', signedBy(authority), undefined],
    ['another name', signedBy(authority, { names: ['idp.example.com'] }), { ca: authority.cert }],
    ['a name that it has not', signedBy(authority), { ca: authority.cert, server_name: 'idp.example.com' }],
    ['ended', signedBy(authority, { notBefore: new Date(Date.now() - 7_200_000), notAfter: new Date(Date.now() - 3_600_000) }), { ca: authority.cert }]
  ] as const) {
    const { idp, erp, gateway, ask } = await scene(t, server, tls)
    t.match(await ask(), { status: 503, code: 'issuer-keys-unavailable' }, name)
    t.match(await ask('/status'), { status: 503, code: 'machine-token-unavailable' }, name)
    t.match(problems(gateway, 'issuer'), [/certificate/], name)
    t.match(problems(gateway, 'upstream'), [/certificate/], name)
    t.same([idp.requests.lines, erp.requests], [[], []], name)
  }
})

t.test('an issuer that asks for a certificate gets the gateway\'s, and one that refuses it is told in the log', async t => {
  const subjects = new Set<unknown>()
  const server: TlsOptions = { ...signedBy(authority), ca: authority.cert, requestCert: true, rejectUnauthorized: true }
  const { idp, gateway, ask, change } = await scene(t, server, { ca: authority.cert, cert: client.cert, key: client.key })
  idp.fail('token', req => {
    subjects.add(req.socket instanceof TLSSocket ? req.socket.getPeerCertificate().subject.CN : '')
    return 'go on'
  })
  t.match([await ask(), await ask('/status')], [{ status: 200 }, { status: 200 }])
  const stranger = signedBy(other, { commonName: 'gateway', names: ['gateway.test'] })
  const before = idp.requests.lines.length
  await change({ ca: authority.cert, cert: stranger.cert, key: stranger.key })
  t.match(await ask(), { status: 503, code: 'issuer-keys-unavailable' })
  t.match(problems(gateway, 'issuer'), [/refuses the certificate of the gateway/])
  t.equal(idp.requests.lines.length, before)
  await change({ ca: authority.cert, cert: client.cert, key: client.key })
  t.match([await ask(), await ask('/status')], [{ status: 200 }, { status: 200 }])
  t.same(subjects, new Set(['gateway']))
})

t.test('keys and machine token are kept where tls is what it was, whatever else of the issuer is changed', async t => {
  const { idp, erp, gateway, ask } = await scene(t, signedBy(authority), { ca: authority.cert })
  t.match([await ask(), await ask('/status')], [{ status: 200 }, { status: 200 }])
  // The machine token's cache was made by the configuration before, and asks by the same connections.
  await rewrite(gateway.dir, { gateway: standardGateway({ idp, erp }, { issuers: { main: { tls: { ca: authority.cert }, clock_tolerance: '7s' } } }) })
  await gateway.reload()
  t.equal(idp.requests.token, 1)
  erp.answerWith((req, res) => { res.writeHead(req.headers.authorization === `Bearer ${idp.tokenRequests[0]?.token}` ? 401 : 200).end() })
  t.match(await ask(), { status: 200 })
  t.equal(idp.requests.token, 2)
})

t.test('a token_endpoint without an issuer has a tls of its own', async t => {
  const idp = await startIdp(t, { alg: 'ES256', tls: { ...signedBy(authority), ca: authority.cert, requestCert: true, rejectUnauthorized: true } })
  const erp = await startErp(t)
  const [client_id, { secret } = { secret: '' }] = Object.entries(idp.clients)[0] ?? []
  const start = async (tls: Settings | undefined) => await startGateway(t, {
    idp,
    erp,
    routes: [{ match: 'GET /status', require: 'public' }],
    changes: { issuers: undefined, upstreams: { erp: { credential: { client_credentials: { issuer: undefined, token_endpoint: idp.tokenEndpoint, client_id, client_secret: secret, ...tls !== undefined && { tls } } } } } }
  })
  t.match(await (await start({ ca: authority.cert, cert: client.cert, key: client.key })).call({ path: '/status' }), { status: 200 })
  for (const tls of [undefined, { ca: other.cert, cert: client.cert, key: client.key }]) t.match(await (await start(tls)).call({ path: '/status' }), { status: 503, code: 'machine-token-unavailable' })
  t.equal(erp.requests.length, 1)
  t.equal(idp.requests.token, 1)
})
