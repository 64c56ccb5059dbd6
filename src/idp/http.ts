import { request, type Dispatcher } from 'undici'
import { isRefusedByPeer, isTlsError } from '../common/tls-errors.ts'

/** Why an IdP's answer cannot be used. Its text is fixed: nothing of the answer goes into it. */
export class IdpError extends Error {
  override readonly name = 'IdpError'
}

/** One answer of an IdP, whole. */
export interface IdpAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

export interface IdpRequest {
  readonly method?: 'GET' | 'POST'
  readonly headers?: Record<string, string>
  readonly body?: string | Uint8Array
}

/** Verifies certificates, as every connection of the gateway does; `dispatcher` carries CA and limits of the socket. */
export interface IdpClient {
  /**
   * Asks the IdP: at most `TIME_LIMIT` ms in all and `BYTE_LIMIT` bytes, no redirect followed, nothing decompressed.
   * @throws {IdpError}
   */
  send (url: string, options?: IdpRequest): Promise<IdpAnswer>
  /**
   * The JSON of a 200.
   * @throws {IdpError}
   */
  json (url: string): Promise<unknown>
}

/** Below the 5 s that a request waits, so that whoever waits sees how the attempt ended. */
const TIME_LIMIT = 4000
const BYTE_LIMIT = 1024 * 1024

/** @param hears each answer that came whole, for whoever asks by hand and wants to say more than the gateway does */
export function createIdpClient (dispatcher: Dispatcher, hears: (answer: IdpAnswer) => void = () => {}): IdpClient {
  async function send (url: string, { method = 'GET', headers = {}, body }: IdpRequest = {}): Promise<IdpAnswer> {
    try {
      const answer = await request(url, {
        dispatcher,
        method,
        headers: { accept: 'application/json', 'accept-encoding': 'identity', ...headers },
        body: body ?? null,
        signal: AbortSignal.timeout(TIME_LIMIT)
      })
      const whole = { status: answer.statusCode, headers: singleValued(answer.headers), body: await readCapped(answer.body) }
      hears(whole)
      return whole
    } catch (error) {
      throw error instanceof IdpError ? error : new IdpError(faultOf(error), { cause: error })
    }
  }

  return {
    send,
    async json (url) {
      const { status, headers, body } = await send(url)
      if (status !== 200) throw new IdpError(`answered ${status}`)
      if (headers['content-encoding'] !== undefined) throw new IdpError('answered compressed, though asked not to')
      return parseJson(body)
    }
  }
}

function parseJson (body: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch {
    throw new IdpError('answered with something that is not JSON')
  }
}

async function readCapped (body: AsyncIterable<Buffer> & { destroy (): unknown }): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of body) {
    size += chunk.length
    if (size > BYTE_LIMIT) throw new IdpError(`answered with more than ${BYTE_LIMIT} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function singleValued (headers: Record<string, string | string[] | undefined>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value ?? '']))
}

function faultOf (error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const name = error instanceof Error ? error.name : ''
  if (name === 'TimeoutError' || code.endsWith('TIMEOUT') || code === 'ETIMEDOUT') return 'did not answer in time'
  if (code === 'ECONNREFUSED') return 'refused the connection'
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'has a name that does not resolve'
  if (isRefusedByPeer(code)) return 'refuses the certificate of the gateway, or how it speaks TLS'
  if (isTlsError(code)) return 'has a certificate that does not hold, or speaks no TLS'
  return 'broke the connection'
}
