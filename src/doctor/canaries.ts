import { randomBytes } from 'node:crypto'

/** A credential that was made up, at a place where a request may carry one. */
export interface Canary {
  /** for people: `header X-Api-Key` */
  readonly place: string
  /** the header that it is in; undefined where it is in none */
  readonly header?: string
  readonly value: string
}

/** How a request carries canaries. */
export interface Carrier {
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>
  /** behind the path */
  readonly query?: string
  readonly trailers?: ReadonlyArray<readonly [name: string, value: string]>
  readonly canaries: readonly Canary[]
}

// What docs/reference-routes.md calls removed always, in the spellings that callers use.
const DROPPED = [
  'Cookie', 'cookie', 'Proxy-Authorization', 'DPoP', 'X-Api-Key', 'x-API-key', 'X-Access-Token', 'X-Id-Token', 'X-Auth-Token', 'X-Authorization',
  'X-Forwarded-Access-Token', 'X-FORWARDED-ACCESS-TOKEN', 'X-Forwarded-User', 'X-Forwarded-Email', 'X-Forwarded-Groups', 'X-Forwarded-Preferred-Username', 'X-Forwarded-Client-Cert', 'X-Forwarded-Tenant', 'Forwarded',
  'X-Auth-Request-User', 'X-Auth-Request-Email', 'X-Auth-Request-Groups', 'X-Auth-Request-Access-Token', 'X-Auth-Request-Preferred-Username',
  'Remote-User', 'X-Remote-User', 'X-User', 'X-User-Id', 'X-Username', 'X-UserId', 'SSL-Client-Cert', 'SSL-Client-S-DN', 'X-SSL-Client-Cert', 'X-Client-Cert',
  'X-Amzn-Oidc-Accesstoken', 'X-Amzn-Oidc-Data', 'Cf-Access-Jwt-Assertion', 'X-Goog-Iap-Jwt-Assertion', 'X-Goog-Authenticated-User-Email', 'X-Ms-Client-Principal', 'X-Ms-Token-Aad-Access-Token', 'X-Pomerium-Jwt-Assertion', 'X-Consumer-Username',
  // Read as X-Api-Key and the like by servers that make variables of headers.
  'X.Api.Key', 'X.Forwarded.Access.Token', 'X.Auth.Request.Access.Token'
]
// A server that makes variables of headers reads them as the ones above: the gateway refuses such a request, or drops them.
const FOLDED = ['X_Api_Key', 'X_Forwarded_Access_Token', 'X_Auth_Request_Access_Token', 'X_Forwarded_User', 'Proxy_Authorization', 'Remote_User', 'SSL_Client_Cert', 'X_Access_Token']
// RFC 6750 section 2.3, and what parsers take for the same name.
const IN_QUERY = ['access_token', 'id_token', 'ACCESS_TOKEN', 'access%5Ftoken', '%61ccess_token', 'a=1;access_token']

/** The canaries of one run. */
export interface Canaries {
  /** all in one request: they are dropped, and the request passes */
  readonly together: Carrier
  /** each in a request of its own, which may be refused for it */
  readonly apart: readonly Carrier[]
}

/** The token of a passing request: it is a canary itself. Only its header is no secret. */
export function tokenCanaries (token: string): Canary[] {
  const [, ...parts] = token.split('.')
  return (parts.length === 0 ? [token] : parts).filter(part => part.length >= 16).map(value => ({ place: 'the access token', value }))
}

/** Names of one rule beside those that are dropped always. */
export interface OwnNames {
  /** headers that the gateway writes or removes for the rule */
  readonly headers: readonly string[]
  /** parameters that it refuses */
  readonly query: readonly string[]
}

export function createCanaries ({ headers, query }: OwnNames): Canaries {
  const inHeader = (name: string): Canary => ({ place: `header ${name}`, header: name, value: newValue() })
  const own = headers.filter(name => !/^authorization$/i.test(name))
  const together = [...DROPPED, ...own].map(inHeader)
  const listed: Canary = { place: 'a header that Connection lists', value: newValue() }
  return {
    together: { headers: [...together.map(({ header = '', value }) => [header, shown(header, value)] as const), CLOSE], canaries: together },
    apart: [
      // What Connection lists is for the next hop alone (RFC 9110 section 7.6.1).
      { headers: [['X-Listed-Credential', listed.value], ['Connection', 'close, X-Listed-Credential']], canaries: [listed] },
      ...[...FOLDED, ...own.filter(name => name.includes('-')).map(name => name.replaceAll('-', '_'))].map(name => alone(inHeader(name))),
      ...['Bearer', 'Basic'].map(scheme => {
        const canary: Canary = { place: `a second Authorization (${scheme})`, value: newValue() }
        return { headers: [['Authorization', `${scheme} ${canary.value}`], CLOSE], canaries: [canary] } as const
      }),
      ...[...IN_QUERY, ...query].map(name => {
        const canary: Canary = { place: `query ${name}`, value: newValue() }
        return { headers: [CLOSE], query: `${name}=${canary.value}`, canaries: [canary] }
      }),
      ...['Authorization', 'Cookie', 'X-Api-Key'].map(name => {
        const canary: Canary = { place: `trailer ${name}`, value: newValue() }
        return { headers: [CLOSE, ['Trailer', name]], trailers: [[name, canary.value]], canaries: [canary] } as const
      })
    ]
  }
}

/** The canaries that are in these bytes, whatever became of letter case, or encoded. */
export function survivors (canaries: readonly Canary[], bytes: string): Canary[] {
  const lower = bytes.toLowerCase()
  return canaries.filter(({ value }) => lower.includes(value.toLowerCase()) || encodings(value).some(one => bytes.includes(one)))
}

/** Each of several that went together in a request of its own. */
export function onesOf ({ canaries, headers }: Carrier): Carrier[] {
  return canaries.map(canary => ({ canaries: [canary], headers: [...headers.filter(([, value]) => value.includes(canary.value)), CLOSE] }))
}

const CLOSE = ['Connection', 'close'] as const

function alone (canary: Canary): Carrier {
  return { headers: [[canary.header ?? '', canary.value], CLOSE], canaries: [canary] }
}

function shown (header: string, value: string): string {
  if (/^cookie$/i.test(header)) return `session=${value}`
  if (/^proxy-authorization$/i.test(header)) return `Basic ${value}`
  return /^forwarded$/i.test(header) ? `for=192.0.2.1;by=${value}` : value
}

// Small letters and digits, so that it is found whatever becomes of letter case.
function newValue (): string {
  return `canary${randomBytes(15).toString('hex')}`
}

function encodings (value: string): string[] {
  const bytes = Buffer.from(value)
  return [bytes.toString('base64'), bytes.toString('base64url'), bytes.toString('hex')]
}
