import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import type { Configuration } from './config/configuration.ts'
import { configurationHash } from './config/fingerprint.ts'

/** Where to listen. For the name the framework would open a second server on the other loopback address, of which nothing here knows. */
export function placeOf ({ host, port }: { readonly host: string, readonly port: number }): { host: string, port: number } {
  return { host: host === 'localhost' ? '127.0.0.1' : host, port }
}

export function portOf (app: FastifyInstance): number {
  const address = app.server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** The line that says that callers may come. */
export function logListening (log: Logger, configuration: Configuration, { dataPort, adminPort, ...more }: { readonly dataPort: number, readonly adminPort: number, readonly workers?: number }): void {
  const { gateway: { listen, admin }, routes } = configuration
  log.info({ data: urlOf(listen.tls === undefined ? 'http' : 'https', listen.host, dataPort), admin: urlOf('http', admin.host, adminPort), routes: routes.length, config: configurationHash(configuration), ...more }, 'listening')
}

function urlOf (scheme: string, host: string, port: number): string {
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`
}
