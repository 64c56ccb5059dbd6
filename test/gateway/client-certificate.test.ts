import { TLSSocket, type TlsOptions } from 'node:tls'
import t, { type Test } from 'tap'
import { answering, startErp } from '../support/erp.ts'
import { startGateway } from '../support/gateway.ts'
import { startIdp } from '../support/idp.ts'
import { rewrite, standardGateway, type Settings } from '../support/settings.ts'
import { selfSigned, signedBy, type Certificate } from '../support/self-signed.ts'

const authority = selfSigned({ commonName: 'our root', names: ['root.test'] })
const stranger = selfSigned({ commonName: 'another root', names: ['root.test'] })
const hour = 3_600_000
const client = (commonName: string, more: Parameters<typeof signedBy>[1] = {}): Certificate => signedBy(authority, { commonName, names: ['gateway.test'], ...more })

async function scene (t: Test, pair: Certificate, more: Settings = {}) {
  const subjects: unknown[] = []
  const asking: TlsOptions = { ...signedBy(authority), ca: authority.cert, requestCert: true, rejectUnauthorized: true }
  const idp = await startIdp(t, { alg: 'ES256' })
  const erp = await startErp(t, (req, res, seen) => {
    subjects.push(req.socket instanceof TLSSocket ? req.socket.getPeerCertificate().subject.CN : '')
    return answering()(req, res, seen)
  }, { tls: asking })
  const changes: Settings = { upstreams: { erp: { url: erp.origin, tls: { ca: authority.cert }, credential: { client_credentials: undefined, client_certificate: { cert: { file: 'client.pem' }, key: { file: 'client.key' } } }, ...more } } }
  const files = ({ cert, key }: Certificate) => ({ 'client.pem': cert, 'client.key': key })
  const gateway = await startGateway(t, { idp, erp, routes: [{ match: 'ANY /*', require: 'user' }], files: files(pair), changes })
  const ask = async (options: { readonly method?: string, readonly body?: string, readonly headers?: Record<string, string> } = {}) => await gateway.call({ token: idp.mint(), ...options })
  const exchange = async (next: Certificate) => {
    await rewrite(gateway.dir, { gateway: standardGateway({ idp, erp }, changes), files: files(next) })
    await gateway.reload()
  }
  return { idp, erp, gateway, ask, exchange, subjects }
}

t.test('the ERP knows the gateway by its certificate, and gets no header of a credential, nor a machine token', async t => {
  const { idp, erp, gateway, ask, subjects } = await scene(t, client('gateway'))
  t.match(await ask({ method: 'POST', body: 'abc' }), { status: 200 })
  t.match(await ask({ headers: { 'X-Api-Key': 'a caller\'s key' } }), { status: 200 })
  t.same(subjects, ['gateway', 'gateway'])
  for (const { headers } of erp.requests) t.notOk('authorization' in headers || 'x-api-key' in headers)
  t.equal(idp.requests.token, 0)
  t.notOk(gateway.log.includes('PRIVATE KEY'))
  t.match((await gateway.admin('/metrics')).text, /^countersign_certificate_ends_timestamp_seconds\{certificate="upstreams\.erp\.credential\.client_certificate"\} \d{10}/m)
  t.match(await gateway.admin('/readyz'), { status: 200 })
})

t.test('one that has ended, or that a stranger signed, is not taken: 502, the ERP has read nothing, and the start has said so', async t => {
  const ended = client('gateway', { notBefore: new Date(Date.now() - 2 * hour), notAfter: new Date(Date.now() - hour) })
  for (const [pair, warned] of [[ended, 1], [signedBy(stranger, { commonName: 'gateway', notAfter: new Date(Date.now() + 365 * 24 * hour) }), 0]] as const) {
    const { erp, gateway, ask, exchange, subjects } = await scene(t, pair)
    for (const options of [{}, { method: 'POST', body: 'abc' }]) t.match(await ask(options), { status: 502, code: 'upstream-tls' })
    t.equal(erp.requests.length, 0)
    t.equal(gateway.logLines().filter(line => /ended on/.test(JSON.stringify(line))).length, warned)
    await exchange(client('another'))
    t.match(await ask(), { status: 200 })
    t.same(subjects, ['another'])
  }
})

t.test('another certificate is shown on new connections, without a request that fails', async t => {
  const { gateway, ask, exchange, subjects } = await scene(t, client('one'))
  t.match(await ask(), { status: 200 })
  await exchange(client('two'))
  t.match(gateway.logLines().findLast(({ msg }) => msg === 'configuration reloaded'), { settings: ['upstreams.erp.credential.cert', 'upstreams.erp.credential.key'] })
  t.match(await ask(), { status: 200 })
  t.same(subjects, ['one', 'two'])
})

t.test('a 401 to it is the gateway\'s business, and no caller\'s', async t => {
  const { erp, ask } = await scene(t, client('gateway'))
  erp.answerWith(answering(401))
  t.match(await ask(), { status: 502, code: 'upstream-credential-refused' })
  t.equal(erp.requests.length, 1)
})
