import { createServer, type Server } from 'node:tls'
import t from 'tap'
import { startErp } from '../support/erp.ts'
import { forkGateway } from '../support/fork-gateway.ts'
import { startGateway } from '../support/gateway.ts'
import { startIdp } from '../support/idp.ts'
import { writeFiles } from '../support/settings.ts'
import { selfSigned, type Certificate } from '../support/self-signed.ts'
import { serve } from '../support/server.ts'
import type { TestContext } from '../support/teardown.ts'

const hour = 3_600_000
const ROUTES = [{ match: 'ANY /*', require: 'user' }]

/** A TLS server that counts the bytes of requests that reach it. */
async function tlsErp (t: TestContext, certificate: Certificate): Promise<{ readonly origin: string, readonly bytes: number }> {
  let bytes = 0
  const server: Server = createServer(certificate, socket => {
    socket.on('data', (chunk: Buffer) => { bytes += chunk.length })
    socket.on('error', () => {})
  })
  server.on('tlsClientError', () => {})
  const { port } = await serve(t, server)
  return { origin: `https://127.0.0.1:${port}`, get bytes () { return bytes } }
}

t.test('an ERP that cannot prove who it is gets no byte of a request', async t => {
  const idp = await startIdp(t)
  for (const [name, certificate] of Object.entries({
    'signed by itself': selfSigned(),
    expired: selfSigned({ notBefore: new Date(Date.now() - 2 * hour), notAfter: new Date(Date.now() - hour) }),
    'not valid yet': selfSigned({ notBefore: new Date(Date.now() + hour), notAfter: new Date(Date.now() + 2 * hour) }),
    'of another name': selfSigned({ names: ['erp.example.com'] })
  })) {
    await t.test(name, async t => {
      const erp = await tlsErp(t, certificate)
      const gateway = await startGateway(t, { idp, erp, routes: ROUTES })
      for (const options of [{}, { method: 'POST', body: 'abc' }]) {
        const answer = await gateway.call({ token: idp.mintUser(), ...options })
        t.match(answer, { status: 502, code: 'upstream-tls' })
        t.notMatch(answer.text, /self.signed|expired|altname|ERR_|CERT_|127\.0\.0\.1/i)
      }
      t.equal(erp.bytes, 0)
    })
  }
})

t.test('an ERP that speaks no TLS gets no byte of a request either', async t => {
  const idp = await startIdp(t)
  const erp = await startErp(t)
  const gateway = await startGateway(t, { idp, erp: { origin: erp.origin.replace('http:', 'https:') }, routes: ROUTES })
  const answer = await gateway.call({ token: idp.mintUser() })
  t.match(answer, { status: 502, code: /^upstream-(tls|reset)$/ })
  t.equal(erp.requests.length, 0)
})

t.test('an authority of one\'s own comes by NODE_EXTRA_CA_CERTS, and its names are checked', async t => {
  const certificate = selfSigned({ names: ['localhost'] })
  const erp = await startErp(t, undefined, { tls: certificate })
  const idp = await startIdp(t)
  const { dir } = await writeFiles(t, { gateway: '', routes: '', files: { 'ca.pem': certificate.cert } })
  const start = async (origin: string) => await forkGateway(t, { idp, erp: { origin }, routes: ROUTES, env: { NODE_EXTRA_CA_CERTS: `${dir}/ca.pem` } })
  const named = await start(`https://localhost:${erp.port}`)
  t.match(await named.call({ method: 'POST', token: idp.mintUser(), body: 'abc' }), { status: 200, complete: true })
  t.match(erp.requests, [{ headers: { host: `localhost:${erp.port}`, authorization: /^Bearer eyJ/ } }])
  const numbered = await start(erp.origin)
  t.match(await numbered.call({ token: idp.mintUser() }), { status: 502, code: 'upstream-tls' })
  t.equal(erp.requests.length, 1)
})
