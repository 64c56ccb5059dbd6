import { randomUUID } from 'node:crypto'
import type { Lesson, TokenName } from './lessons.ts'
import type { Sighting } from './erp.ts'

/** One call through the gateway, as the page tells it: what was sent, what was answered, what the ERP saw. */
export interface Exchange {
  readonly sent: Call & { readonly token: TokenName, readonly jwt?: Jwt }
  readonly answer: { readonly status: number, readonly challenge?: string, readonly body: unknown }
  /** What the ERP saw; `elsewhere` where it runs where the SaaS cannot ask it. */
  readonly erp: Sighting | 'elsewhere' | undefined
  readonly why?: string
}

export type Call = Pick<Lesson, 'method' | 'path' | 'body'>

/** A token opened for reading: not verified, and without its signature. */
export interface Jwt { readonly header: Record<string, unknown>, readonly claims: Record<string, unknown> }

export interface GatewayCaller {
  (call: Call, token: TokenName, value: string | undefined, why?: string): Promise<Exchange>
}

/**
 * The SaaS's way to its API: one HTTP call to the gateway.
 *
 * @param gateway the gateway's URL
 * @param saw asks the ERP what it saw of a request; a real SaaS has no such thing
 */
export function gatewayCaller (gateway: string, saw: (requestId: string) => Exchange['erp']): GatewayCaller {
  return async (call, token, value, why) => {
    const requestId = `saas-${randomUUID()}`
    const response = await fetch(`${gateway}${call.path}`, {
      method: call.method,
      headers: {
        Accept: 'application/json',
        'X-Request-Id': requestId,
        ...(call.body !== undefined && { 'Content-Type': 'application/json' }),
        ...(value !== undefined && { Authorization: `Bearer ${value}` })
      },
      body: call.body === undefined ? undefined : JSON.stringify(call.body),
      redirect: 'error',
      signal: AbortSignal.timeout(10_000)
    })
    const text = await response.text()
    return {
      sent: { ...call, token, jwt: value === undefined ? undefined : open(value) },
      answer: { status: response.status, challenge: response.headers.get('www-authenticate') ?? undefined, body: parse(text) },
      erp: saw(requestId),
      why
    }
  }
}

function open (token: string): Jwt {
  const [header, claims] = token.split('.').slice(0, 2).map((part): unknown => JSON.parse(Buffer.from(part, 'base64url').toString('utf8')))
  // Tokens that the SaaS got from its own IdP over TLS (here: loopback) are JWTs: two JSON objects and a signature.
  return { header, claims } as Jwt
}

function parse (text: string): unknown {
  try { return JSON.parse(text) } catch { return text }
}
