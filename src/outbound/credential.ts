/** What the gateway shows the upstream: header names and values, flat. */
export interface Presented {
  readonly headers: readonly string[]
  /** equal for equal credentials; what an upstream's refusal is about */
  readonly id: string
  /** what must not come back in an answer */
  readonly secrets: readonly string[]
}

/** How the gateway makes itself known to one upstream. */
export interface Credential {
  /** lower case; a caller's header of such a name never passes */
  readonly headerNames: readonly string[]
  /**
   * The credential to show now. Asynchronous only where a token has to be fetched.
   * @throws {Refusal} machine-token-unavailable
   */
  present (): Presented | Promise<Presented>
  /**
   * The upstream answered 401 to it: another one to try, or undefined where there is none.
   * @throws {Refusal} machine-token-unavailable
   */
  renew (refused: Presented): Promise<Presented | undefined>
  readonly status: () => CredentialStatus
}

export interface CredentialStatus {
  /** whether it was tried to have one, well or not */
  readonly tried: boolean
  /** whether one is in hand, or would be: a token that nobody used is let go when it ends */
  readonly available: boolean
  /** ms since the epoch: when the one in hand was asked for, where it was */
  readonly askedAt: number | undefined
  /** ms since the epoch, where it ends */
  readonly endsAt: number | undefined
}

/** A credential that never changes: `basic`, `headers`, `none`, and `client_certificate`, which the connection shows. A refusal of it cannot be mended here. */
export function fixedCredential (headers: Readonly<Record<string, string>>): Credential {
  const flat = Object.entries(headers).flat()
  const presented: Presented = { headers: flat, id: 'fixed', secrets: Object.values(headers).map(withoutScheme).filter(isTelling) }
  return {
    headerNames: Object.keys(headers).map(name => name.toLowerCase()),
    present: () => presented,
    renew: () => Promise.resolve(undefined),
    status: () => ({ tried: true, available: true, askedAt: undefined, endsAt: undefined })
  }
}

/** RFC 7617 section 2, in UTF-8. */
export function basicCredential (username: string, password: string): Credential {
  return fixedCredential({ Authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` })
}

function withoutScheme (value: string): string {
  return value.slice(value.lastIndexOf(' ') + 1)
}

// A short one, a tenant's number say, stands in many an innocent value.
function isTelling (value: string): boolean {
  return value.length >= 8
}
