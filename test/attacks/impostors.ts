import { createServer } from 'node:tls'
import { selfSigned, type Certificate } from '../support/self-signed.ts'
import { serve } from '../support/server.ts'
import type { TestContext } from '../support/teardown.ts'

/** A TLS server that cannot prove who it is, and counts what reaches it. */
export interface Impostor {
  readonly origin: string
  /** connections that began a handshake */
  readonly handshakes: number
  /** bytes of requests, once decrypted */
  readonly bytes: number
}

const hour = 3_600_000

/** One for each way in which a certificate may not hold, by name. */
export async function startImpostors (t: TestContext): Promise<Record<string, Impostor>> {
  return {
    'self-signed': await startImpostor(t, selfSigned()),
    'another-name': await startImpostor(t, selfSigned({ names: ['erp.example.com', '127.0.0.2'] })),
    expired: await startImpostor(t, selfSigned({ notBefore: new Date(Date.now() - 2 * hour), notAfter: new Date(Date.now() - hour) })),
    'not-yet': await startImpostor(t, selfSigned({ notBefore: new Date(Date.now() + hour), notAfter: new Date(Date.now() + 2 * hour) }))
  }
}

async function startImpostor (t: TestContext, certificate: Certificate): Promise<Impostor> {
  let bytes = 0
  const server = createServer(certificate, socket => {
    socket.on('data', (chunk: Buffer) => { bytes += chunk.length })
    socket.on('error', () => {})
    socket.write('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}')
  })
  server.on('tlsClientError', () => {})
  const served = await serve(t, server)
  return {
    origin: `https://127.0.0.1:${served.port}`,
    get handshakes () { return served.accepted },
    get bytes () { return bytes }
  }
}
