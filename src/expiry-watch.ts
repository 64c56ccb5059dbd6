import type { Logger } from 'pino'
import { expiryWarnings, type PlacedCertificates } from './config/expiry.ts'

/** What is looked at, and by which clock. */
export interface ExpiryWatchParts {
  readonly certificates: () => readonly PlacedCertificates[]
  /** ms since the epoch */
  readonly now: () => number
  readonly log: Pick<Logger, 'warn'>
  /** ms between looks; a day when left out */
  readonly every?: number
}

const DAY = 24 * 3_600_000

/** Warns once a day of certificates that end soon: what is said at the start alone is not read a month later. */
export function watchExpiry ({ certificates, now, log, every = DAY }: ExpiryWatchParts): { close (): void } {
  const timer = setInterval(() => {
    for (const { name, certificates: those } of certificates()) {
      for (const warning of expiryWarnings(those, now())) log.warn({ certificate: name }, warning)
    }
  }, every).unref()
  return { close () { clearInterval(timer) } }
}
