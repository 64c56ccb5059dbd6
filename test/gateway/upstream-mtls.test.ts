import { TLSSocket, type SecureVersion, type TlsOptions } from 'node:tls'
import t, { type Test } from 'tap'
import { startErp } from '../support/erp.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { startIdp } from '../support/idp.ts'
import { rewrite, standardGateway, type Settings } from '../support/settings.ts'
import { selfSigned, signedBy, type Certificate } from '../support/self-signed.ts'

const ROUTES = [{ match: 'ANY /*', require: 'user' }]
const authority = selfSigned({ commonName: 'our root', names: ['root.test'] })
const other = selfSigned({ commonName: 'another root', names: ['root.test'] })

async function scene (t: Test, server: TlsOptions, tls: Settings | undefined, { files = {}, url }: { readonly files?: Readonly<Record<string, string>>, readonly url?: (port: number) => string } = {}) {
  const idp = await startIdp(t, { alg: 'ES256' })
  const erp = await startErp(t, undefined, { tls: server })
  const changes = (next: Settings | undefined): Settings => ({ upstreams: { erp: { url: url?.(erp.port) ?? erp.origin, ...next !== undefined && { tls: next } } } })
  const gateway = await startGateway(t, { idp, erp, routes: ROUTES, files, changes: changes(tls) })
  const ask = async (options: { readonly method?: string, readonly body?: string } = {}) => await gateway.call({ token: idp.mint(), ...options })
  const change = async (next: Settings | undefined, files: Readonly<Record<string, string>> = {}): Promise<void> => {
    await rewrite(gateway.dir, { gateway: standardGateway({ idp, erp }, changes(next)), files })
    await gateway.reload()
  }
  return { idp, erp, gateway, ask, change }
}

const lastRequest = (gateway: TestGateway): Record<string, unknown> | undefined => gateway.logLines().findLast(({ msg }) => msg === 'request')

t.test('an authority of the upstream\'s own stands in the place of all others, and is another\'s business nowhere', async t => {
  const { erp, gateway, ask, change } = await scene(t, signedBy(authority), { ca: { file: 'ca.pem' } }, { files: { 'ca.pem': authority.cert } })
  t.match(await ask({ method: 'POST', body: 'abc' }), { status: 200, complete: true })
  await change({ ca: other.cert })
  t.match(await ask(), { status: 502, code: 'upstream-tls' })
  t.match(lastRequest(gateway), { code: 'upstream-tls', saw: /UNABLE_TO_/ })
  await change(undefined)
  t.match(await ask(), { status: 502, code: 'upstream-tls' })
  t.equal(erp.requests.length, 1)
  await change({ ca: other.cert + authority.cert })
  t.match(await ask(), { status: 200 })
})

t.test('a file of authorities that changes makes new connections; one that is not trusted any more gets nothing', async t => {
  const { erp, gateway, ask } = await scene(t, signedBy(authority), { ca: { file: 'ca.pem' } }, { files: { 'ca.pem': authority.cert } })
  t.match(await ask(), { status: 200 })
  const before = erp.accepted
  await rewrite(gateway.dir, { files: { 'ca.pem': other.cert } })
  await gateway.reload()
  t.match(gateway.logLines().findLast(({ msg }) => msg === 'configuration reloaded'), { settings: ['upstreams.erp.tls.ca'] })
  for (let at = 0; at < 3; at++) t.match(await ask(), { status: 502, code: 'upstream-tls' })
  t.equal(erp.requests.length, 1)
  await rewrite(gateway.dir, { files: { 'ca.pem': authority.cert } })
  await gateway.reload()
  t.match(await ask(), { status: 200 })
  t.ok(erp.accepted > before)
})

t.test('the name that is asked for and verified is server_name, where it is given', async t => {
  const names: Array<string | false> = []
  const certificate = signedBy(authority, { names: ['erp.internal'] })
  const server: TlsOptions = { ...certificate, SNICallback (name, done) { names.push(name); done(null) } }
  const { erp, ask, change } = await scene(t, server, { ca: authority.cert, server_name: 'erp.internal' })
  t.match(await ask(), { status: 200 })
  t.same(names, ['erp.internal'])
  // The request itself is for the host of the URL, as ever.
  t.match(erp.requests[0]?.headers.host, /^127\.0\.0\.1:/)
  for (const tls of [{ ca: authority.cert }, { ca: authority.cert, server_name: 'erp.example.com' }, { ca: authority.cert, server_name: 'internal' }]) {
    await change(tls)
    t.match(await ask({ method: 'POST', body: 'abc' }), { status: 502, code: 'upstream-tls' })
  }
  t.equal(erp.requests.length, 1)
})

t.test('a certificate that has ended, or does not hold yet, gets nothing, whoever signed it', async t => {
  const hour = 3_600_000
  for (const [name, times] of Object.entries({
    ended: { notBefore: new Date(Date.now() - 2 * hour), notAfter: new Date(Date.now() - hour) },
    'not yet': { notBefore: new Date(Date.now() + hour), notAfter: new Date(Date.now() + 2 * hour) }
  })) {
    const { erp, ask } = await scene(t, signedBy(authority, times), { ca: authority.cert })
    t.match(await ask(), { status: 502, code: 'upstream-tls' }, name)
    t.equal(erp.requests.length, 0)
  }
})

for (const version of ['TLSv1.2', 'TLSv1.3'] as const satisfies readonly SecureVersion[]) {
  const asking: TlsOptions = { ...signedBy(authority), ca: authority.cert, requestCert: true, rejectUnauthorized: true, minVersion: version, maxVersion: version }
  const client = (by: Certificate) => signedBy(by, { commonName: 'gateway', names: ['gateway.test'] })

  t.test(`an ERP that asks for a certificate gets the gateway's: ${version}`, async t => {
    const { key, cert } = client(authority)
    const { erp, gateway, ask } = await scene(t, asking, { ca: authority.cert, cert: { file: 'client.pem' }, key: { file: 'client.key' } }, { files: { 'client.pem': cert, 'client.key': key } })
    t.match(await ask({ method: 'POST', body: 'abc' }), { status: 200, complete: true })
    t.match(await ask(), { status: 200 })
    t.equal(erp.accepted, 1, 'and keeps the connection')
    t.notOk(gateway.log.includes('PRIVATE KEY'))
  })

  t.test(`one that refuses the gateway's certificate, or misses it, has seen no request: ${version}`, async t => {
    const { key, cert } = client(other)
    const { erp, gateway, ask, change } = await scene(t, asking, { ca: authority.cert, cert, key })
    for (const options of [{}, { method: 'POST', body: 'abc' }]) t.match(await ask(options), { status: 502, code: 'upstream-tls' })
    t.match(lastRequest(gateway), { saw: 'CERTIFICATE_REFUSED' })
    t.equal(erp.requests.length, 0)
    t.equal(erp.malformed, 0)
    // Without one the refusal may come when the request is on its way: it is a 502 then, too.
    await change({ ca: authority.cert })
    t.match(await ask(), { status: 502, code: /^upstream-(?:tls|reset)$/ })
    t.equal(erp.requests.length, 0)
    const good = client(authority)
    await change({ ca: authority.cert, ...good })
    t.match(await ask(), { status: 200 })
  })
}

t.test('two upstreams at one place have connections of their own, each by its tls', async t => {
  const idp = await startIdp(t, { alg: 'ES256' })
  const subjects: unknown[] = []
  const erp = await startErp(t, (req, res) => {
    subjects.push(req.socket instanceof TLSSocket ? req.socket.getPeerCertificate().subject.CN : '')
    res.end('ok')
  }, { tls: { ...signedBy(authority), ca: authority.cert, requestCert: true } })
  const upstream = (commonName: string): Settings => ({ url: erp.origin, credential: 'none', tls: { ca: authority.cert, ...signedBy(authority, { commonName }) } })
  const gateway = await startGateway(t, {
    idp,
    erp,
    changes: { upstreams: { erp: undefined, a: upstream('gateway a'), b: upstream('gateway b') } },
    routes: ['a', 'b'].map(name => ({ match: `GET /${name}`, require: 'public', upstream: name }))
  })
  for (const path of ['/a', '/b', '/a', '/b']) t.match(await gateway.call({ path }), { status: 200 })
  t.same(subjects, ['gateway a', 'gateway b', 'gateway a', 'gateway b'])
})
