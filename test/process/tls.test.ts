import { once } from 'node:events'
import { connect } from 'node:tls'
import t from 'tap'
import { untilOutput } from '../support/command.ts'
import { startErp } from '../support/erp.ts'
import { forkGateway } from '../support/fork-gateway.ts'
import { startIdp } from '../support/idp.ts'
import { selfSigned, signedBy } from '../support/self-signed.ts'
import { rewrite } from '../support/settings.ts'

t.test('certificates that change are taken by themselves, and SIGTERM ends a process that speaks TLS and HTTP/2', async t => {
  const authority = selfSigned({ commonName: 'our root', names: ['root.test'] })
  const pem = (commonName: string): Record<string, string> => {
    const { cert, key } = signedBy(authority, { commonName })
    return { 'cert.pem': cert, 'key.pem': key }
  }
  const idp = await startIdp(t, { alg: 'ES256' })
  const erp = await startErp(t)
  const gateway = await forkGateway(t, {
    idp,
    erp,
    routes: [{ match: 'GET /orders', require: 'user' }],
    files: pem('first'),
    changes: { listen: { tls: { cert: { file: 'cert.pem' }, key: { file: 'key.pem' } } } }
  })
  const tls = { ca: authority.cert, servername: 'localhost' }
  const shown = async (): Promise<string> => {
    const socket = connect({ host: '127.0.0.1', port: gateway.port, ALPNProtocols: ['h2'], ...tls })
    await once(socket, 'secureConnect')
    const { subject } = socket.getPeerCertificate()
    socket.destroy()
    return String(subject.CN)
  }
  t.match(await gateway.call({ path: '/orders', token: idp.mint(), tls }), { status: 200 })
  t.equal(await shown(), 'first')
  await rewrite(gateway.dir, { files: pem('second') })
  await untilOutput(gateway, () => gateway.logLines().find(({ msg }) => msg === 'configuration reloaded'))
  t.equal(await shown(), 'second')
  t.match(await gateway.call({ path: '/orders', token: idp.mint(), tls }), { status: 200 })
  const idle = connect({ host: '127.0.0.1', port: gateway.port, ALPNProtocols: ['h2'], ...tls })
  idle.on('error', () => {})
  await once(idle, 'secureConnect')
  gateway.kill()
  t.same(await gateway.exited, { code: 0, signal: null })
  t.notOk(gateway.log.includes('PRIVATE KEY'))
})
