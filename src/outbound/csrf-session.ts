import type { Presented } from './credential.ts'
import { readSetCookie } from './set-cookie.ts'

const TOKEN = /^[\x21-\x7e]{1,4096}$/
const MOST_COOKIES = 20
/** bytes of the Cookie header */
const MOST_BYTES = 8192

/** A session that an upstream's host has with the gateway: its cookies, and the CSRF token that belongs to them. */
export class CsrfSession {
  /** whether a request that writes was taken in it */
  isProven = false
  readonly #token: readonly [header: string, value: string]
  readonly #cookies: Map<string, string>
  #writing: Shown | undefined
  #reading: Shown | undefined

  /** @param header as it goes out */
  constructor (header: string, token: string, cookies: ReadonlyMap<string, string>) {
    this.#token = [header, token]
    this.#cookies = new Map(cookies)
  }

  /** The credential with the session: the token goes with requests that write. Made anew only where one of the two changed. */
  show (presented: Presented, writes: boolean): Presented {
    const shown = writes ? this.#writing : this.#reading
    if (shown?.of === presented) return shown.as
    const as = this.#with(presented, writes)
    if (writes) this.#writing = { of: presented, as }
    else this.#reading = { of: presented, as }
    return as
  }

  /**
   * An answer in it: cookies of the session that are set anew, or end. Others are not taken up: by one of them a caller's
   * request could make a session stateful that all share.
   * @param now ms since the epoch
   */
  heard (raw: readonly Buffer[], now: number): void {
    for (const line of valuesOf(raw, 'set-cookie')) {
      const cookie = readSetCookie(line, now)
      if (cookie === undefined || !this.#cookies.has(cookie.name) || this.#cookies.get(cookie.name) === cookie.value) continue
      if (cookie.value === undefined) this.#cookies.delete(cookie.name)
      else if (this.#bytesWith(cookie.name, cookie.value) <= MOST_BYTES) this.#cookies.set(cookie.name, cookie.value)
      this.#writing = this.#reading = undefined
    }
  }

  #with ({ headers, id, secrets }: Presented, writes: boolean): Presented {
    const [name, token] = this.#token
    const cookies = [...this.#cookies].map(([key, value]) => `${key}=${value}`).join('; ')
    return {
      headers: [...headers, ...cookies === '' ? [] : ['Cookie', cookies], ...writes ? [name, token] : []],
      id,
      secrets: [...secrets, ...[token, ...this.#cookies.values()].filter(isTelling)]
    }
  }

  #bytesWith (name: string, value: string): number {
    return sizeOf(new Map(this.#cookies).set(name, value))
  }
}

interface Shown {
  readonly of: Presented
  readonly as: Presented
}

/**
 * The session that an answer gives, or in words why it gives none.
 * @param header of the token, as it goes out
 * @param now ms since the epoch
 */
export function readSession (raw: readonly Buffer[], header: string, now: number): CsrfSession | string {
  const tokens = [...valuesOf(raw, header.toLowerCase())]
  const [token] = tokens
  if (token === undefined || token === '' || isRequired(token)) return 'no token in the answer'
  if (tokens.some(other => other !== token)) return 'two tokens in one answer'
  if (!TOKEN.test(token)) return 'a token that no header can carry'
  const cookies = new Map<string, string>()
  for (const line of valuesOf(raw, 'set-cookie')) {
    const cookie = readSetCookie(line, now)
    if (cookie?.value !== undefined) cookies.set(cookie.name, cookie.value)
    else if (cookie !== undefined) cookies.delete(cookie.name)
  }
  if (cookies.size > MOST_COOKIES || sizeOf(cookies) > MOST_BYTES) return 'more cookies than a request can carry'
  return new CsrfSession(header, token, cookies)
}

/** Whether an answer says that a CSRF token is wanted. @param header lower case */
export function asksForToken (status: number, raw: readonly Buffer[], header: string): boolean {
  if (status !== 403) return false
  for (const value of valuesOf(raw, header)) if (isRequired(value)) return true
  return false
}

function isRequired (value: string): boolean {
  return value.toLowerCase() === 'required'
}

function sizeOf (cookies: ReadonlyMap<string, string>): number {
  let bytes = 0
  for (const [name, value] of cookies) bytes += name.length + value.length + 3
  return bytes
}

// A short one (`sap-client=100`) stands in many an innocent value.
function isTelling (value: string): boolean {
  return value.length >= 8
}

function * valuesOf (raw: readonly Buffer[], name: string): Generator<string> {
  for (let at = 0; at < raw.length; at += 2) {
    const found = raw[at]
    if (found?.length === name.length && found.toString('latin1').toLowerCase() === name) yield (raw[at + 1]?.toString('latin1') ?? '').trim()
  }
}
