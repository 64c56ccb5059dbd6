import { Agent } from 'undici'
import type { ClientTls } from '../config/tls-schema.ts'
import { createIdpClient, type IdpClient } from '../idp/http.ts'
import { createConnector } from './connector.ts'
import { tlsOptions } from './tls.ts'

/** Asks IdPs, until it is closed. */
export interface ClosableClient {
  readonly client: IdpClient
  close (): void
}

/** One with connections of its own. */
export function openIdpClient (tls: ClientTls | undefined): ClosableClient {
  const agent = new Agent({ connect: createConnector(2000, tlsOptions(tls)), headersTimeout: 4000, bodyTimeout: 4000, maxHeaderSize: 32 * 1024, connections: 4 })
  return { client: createIdpClient(agent), close () { void agent.destroy() } }
}
