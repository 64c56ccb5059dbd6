import type { IncomingMessage } from 'node:http'
import { eachSpellingOnce } from '../common/memo.ts'
import { isMethodOverride } from '../policy/method-override.ts'
import { refuse, type Refusal } from '../policy/problems.ts'
import { isHost } from './host.ts'

/** What the guard saw and later stages need. */
export interface GuardedRequest {
  readonly authorization: string | undefined
  /** as sent, checked to be host[:port] */
  readonly host: string | undefined
  readonly hasBody: boolean
}

/** What of a request it looks at. */
export type RawRequest = Pick<IncomingMessage, 'method' | 'httpVersion' | 'rawHeaders'>

export type RequestGuard = (request: RawRequest) => GuardedRequest

/** What a header is to the guard, by its name. */
type Concern = 'host' | 'authorization' | 'content-length' | 'transfer-encoding' | 'upgrade' | 'override' | 'ambiguous' | 'none'

/**
 * Makes the check of the raw request: one host, one credential, one length, one reading of each header.
 * @param isOurs whether the gateway sets or removes the header of that name (lower case, dashes)
 */
export function createRequestGuard (isOurs: (name: string) => boolean): RequestGuard {
  const concernOf = eachSpellingOnce(lower => concernOfName(lower, isOurs))

  return request => {
    assertVersion(request)
    const { rawHeaders } = request
    let authorization: string | undefined
    let host: string | undefined
    let contentLength: string | undefined
    let transferEncoding: string | undefined
    for (let at = 0; at < rawHeaders.length; at += 2) {
      const name = rawHeaders[at] ?? ''
      const value = rawHeaders[at + 1] ?? ''
      switch (concernOf(name)) {
        case 'none': break
        case 'host':
          if (host !== undefined) throw malformed('two Host headers')
          host = value
          break
        case 'authorization':
          if (authorization !== undefined) throw refuse('credential-ambiguous', 'Send one Authorization header.')
          authorization = value
          break
        case 'content-length':
          if (contentLength !== undefined) throw malformed('two Content-Length headers')
          contentLength = value
          break
        case 'transfer-encoding':
          if (transferEncoding !== undefined) throw malformed('two Transfer-Encoding headers')
          transferEncoding = value
          break
        case 'upgrade':
          if (/\bwebsocket\b/i.test(value)) throw refuse('upgrade-unsupported', 'This gateway relays no WebSockets.', CLOSE)
          break
        case 'override':
          throw refuse('method-override', 'Send the method that is meant; overrides are not accepted.')
        case 'ambiguous':
          throw refuse('header-ambiguous', 'A header name with _ stands for one that belongs to the gateway.', { saw: name.slice(0, 100) })
      }
    }
    if (host === undefined ? request.httpVersion === '1.1' : !isHost(host)) throw malformed('a Host that is no host[:port]')
    const hasBody = assertBody(request, contentLength, transferEncoding)
    return { authorization, host, hasBody }
  }
}

// X_HTTP_Method_Override and X_User_Id reach a CGI-like server as X-HTTP-Method-Override and X-User-Id.
function concernOfName (name: string, isOurs: (name: string) => boolean): Concern {
  switch (name) {
    case 'host': case 'authorization': case 'content-length': case 'transfer-encoding': case 'upgrade': return name
  }
  if (isMethodOverride(name.replace(/[^a-z0-9]/g, '-'))) return 'override'
  return name.includes('_') && isOurs(name.replaceAll('_', '-')) ? 'ambiguous' : 'none'
}

const CLOSE = { headers: { Connection: 'close' } }

function assertVersion ({ httpVersion }: RawRequest): void {
  if (httpVersion !== '1.1' && httpVersion !== '1.0') throw malformed('an HTTP version other than 1.0 and 1.1')
}

function assertBody (request: RawRequest, contentLength: string | undefined, transferEncoding: string | undefined): boolean {
  if (transferEncoding !== undefined) {
    if (request.httpVersion === '1.0') throw malformed('Transfer-Encoding in HTTP/1.0')
    if (transferEncoding.toLowerCase() !== 'chunked') throw malformed('a transfer coding other than chunked')
  }
  // Beyond 10^15 bytes it is no length, but a number that a server behind may read as a small or a negative one.
  if (contentLength !== undefined && !/^\d{1,15}$/.test(contentLength)) throw malformed('a Content-Length that is no length')
  const hasBody = transferEncoding !== undefined || (contentLength !== undefined && Number(contentLength) !== 0)
  if (hasBody && (request.method === 'GET' || request.method === 'HEAD')) {
    throw refuse('body-unexpected', 'GET and HEAD take no body.')
  }
  return hasBody
}

function malformed (saw: string): Refusal {
  return refuse('request-malformed', `This request is not served: it has ${saw}.`, { saw, ...CLOSE })
}
