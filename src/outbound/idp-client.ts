import { Agent } from 'undici'
import type { ClientTls } from '../config/tls-schema.ts'
import { createIdpClient, type IdpAnswer, type IdpClient } from '../idp/http.ts'
import { createConnector } from './connector.ts'
import { tlsOptions } from './tls.ts'

/** Asks IdPs, until it is closed. */
export interface ClosableClient {
  readonly client: IdpClient
  close (): void
}

/** One with connections of its own. @param hears each answer that came whole */
export function openIdpClient (tls: ClientTls | undefined, hears?: (answer: IdpAnswer) => void): ClosableClient {
  const agent = new Agent({ connect: createConnector(2000, tlsOptions(tls)), headersTimeout: 4000, bodyTimeout: 4000, maxHeaderSize: 32 * 1024, connections: 4 })
  return { client: createIdpClient(agent, hears), close () { void agent.destroy() } }
}
