import { createHmac } from 'node:crypto'
import type { GatewayFile } from './gateway-schema.ts'

/** How the subject of a token is written where it stays: in the log, and among remembered refusals. */
export interface ShownSubject {
  readonly name: (subject: string) => string
  /** What a check saw, without what could name the subject. */
  readonly saw: (text: string) => string
}

/** @returns undefined where it is written as it is */
export function shownSubject ({ subject }: GatewayFile['log']): ShownSubject | undefined {
  if (subject === undefined) return undefined
  const key = subject.hash_key.reveal()
  return {
    // 128 bits of it: two subjects do not meet, and a line is no longer than it need be.
    name: text => `hmac:${createHmac('sha256', key).update(text).digest('hex').slice(0, 32)}`,
    // The conditions of `claims` are the only ones that tell what a claim has, which may be a name, or an address.
    saw: text => /(?:^|; )claims: has /.test(text) ? 'claims: what they have is not told' : text
  }
}
