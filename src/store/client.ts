import { Redis as Client } from 'ioredis'
import type { Redis as Settings } from '../config/redis-schema.ts'

const FIRST_PAUSE = 100
const LONGEST_PAUSE = 1000
/** ms without an answer to anything, after which a connection is given up */
const SILENCE = 5000

/** ms before the nth attempt after the first failed one, counted from 0: they double, with jitter, so that replicas do not come at once. */
export function pauseBefore (attempt: number): number {
  return Math.min(FIRST_PAUSE * 2 ** attempt, LONGEST_PAUSE) * (0.75 + Math.random() / 2)
}

/** A client that is not connected yet. Its errors hold what was sent, the password too: they are never logged. */
export function createClient ({ url: { host, port, database, tls }, username, password, connect_timeout: connectTimeout }: Settings): Client {
  return new Client({
    host,
    port,
    db: database,
    ...username !== undefined && { username },
    ...password !== undefined && { password: password.reveal() },
    // The certificate is verified, for this host.
    ...tls && { tls: { rejectUnauthorized: true } },
    connectTimeout,
    // One that says nothing is left for a new one: the machine behind its name may be another by now.
    socketTimeout: SILENCE,
    disconnectTimeout: 100,
    retryStrategy: times => pauseBefore(times - 1),
    // A master that was made a replica: its name leads to the new one.
    reconnectOnError: error => error.message.startsWith('READONLY'),
    // Nothing waits for a connection, nothing is sent twice, and what was on its way is given up with the connection.
    lazyConnect: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    // The probe finds out more than INFO, which not every user may ask for.
    enableReadyCheck: false,
    disableClientInfo: true,
    protocol: 2
  })
}
