import { Agent } from 'undici'
import type { ClientTls } from './config/tls-schema.ts'
import { createIdpClient, type IdpClient } from './idp/http.ts'
import { createConnector } from './outbound/connector.ts'
import { tlsOptions } from './outbound/tls.ts'

/** Asks IdPs, until it is closed. */
export interface ClosableClient {
  readonly client: IdpClient
  close (): void
}

/** Asks IdPs by connections of its own, whose certificates are verified as `tls` says. */
export function createClient (tls: ClientTls | undefined): ClosableClient {
  const agent = new Agent({ connect: createConnector(2000, tlsOptions(tls)), headersTimeout: 4000, bodyTimeout: 4000, maxHeaderSize: 32 * 1024, connections: 4 })
  return { client: createIdpClient(agent), close () { void agent.destroy() } }
}
