import { isTokenCredential, type Credential, type TokenCredential } from '../config/credential-schema.ts'
import type { GatewayFile } from '../config/gateway-schema.ts'
import type { IdpError } from '../idp/http.ts'
import { requestKey } from '../outbound/token-request.ts'
import { tokenReport, type Had, type NotHad } from '../token-report.ts'
import { connectionFault } from './connection-fault.ts'
import { findingsAbout, inTime, type About, type Fault, type Finding } from './finding.ts'
import { plainHttp } from './plain-http.ts'

type Gateway = Pick<GatewayFile, 'issuers' | 'upstreams'>

/**
 * Fetches a machine token for each credential, and tells of it: whom it is for, what it may, how long; never the token. What
 * several upstreams share is asked for once, for some IdPs bill it.
 */
export function examineTokens (gateway: Gateway, now: () => number): Array<Promise<readonly Finding[]>> {
  const shared = new Map<string, { readonly names: string[], readonly credential: Credential }>()
  for (const [name, { credential }] of Object.entries(gateway.upstreams)) {
    const key = isTokenCredential(credential) ? requestKey(credential, gateway) : name
    const same = shared.get(key)
    if (same === undefined) shared.set(key, { names: [name], credential })
    else same.names.push(name)
  }
  return [...shared.values()].map(async ({ names, credential }) => {
    const about = findingsAbout('machine tokens', names.join(', '))
    return isTokenCredential(credential)
      ? await inTime(about, examineToken(about, names[0] ?? '', credential, gateway, now))
      : [about.good(fixedWords(credential))]
  })
}

function fixedWords (credential: Exclude<Credential, TokenCredential>): string {
  switch (credential.kind) {
    case 'none': return 'the ERP is shown no credential'
    case 'client_certificate': return 'client_certificate: the ERP is shown it by TLS, see upstreams'
    case 'basic': return 'basic, in Authorization: whether the ERP takes it, a first request tells'
    case 'headers': return `headers, in ${Object.keys(credential.headers).join(', ')}: whether the ERP takes it, a first request tells`
  }
}

async function examineToken (about: About, upstream: string, credential: TokenCredential, gateway: Gateway, now: () => number): Promise<Finding[]> {
  const found = plainHttp(about, [credential.token_endpoint], 'secret and the token')
  let error: IdpError | undefined
  const report = await tokenReport(gateway, credential, now, one => { error = one })
  if (!report.ok) {
    const { said, remedy } = faultOf(report, error, upstream, credential, gateway)
    return [...found, about.bad(said, remedy)]
  }
  // What is no token was told apart before.
  return 'shows' in report ? found : [...found, ...toldOf(about, report, credential, now())]
}

/** s below which a token is asked for so often that it costs */
const SHORT = 60

function toldOf (about: About, { token, scope, ends, ends_by: endsBy, old_secret: isOld }: Had, credential: TokenCredential, now: number): Finding[] {
  const life = Math.round((Date.parse(ends) - now) / 1000)
  const isOpaque = token.claims === undefined
  const audience = listOf(token.claims?.['aud'])
  const granted = scope ?? textOf(token.claims?.['scope'] ?? token.claims?.['scp'])
  const said = [
    `${credential.kind}: ${isOpaque ? 'an opaque token' : `a JWT for ${audience.length === 0 ? 'no audience' : audience.join(', ')}`}`,
    granted === undefined ? 'no scope named' : `scope ${granted}`,
    endsBy === 'neither' ? 'nobody says when it ends' : `ends in ${life} s`
  ].join('; ')
  const wanted = credential.kind === 'jwt_bearer' ? [] : [credential.audience, ...credential.resource ?? []].filter(one => one !== undefined)
  const missing = (credential.scope ?? '').split(' ').filter(one => one !== '' && granted !== undefined && !granted.split(' ').includes(one))
  return [
    isOpaque ? about.warning(said, 'It cannot be read here: whether it is for this ERP, and may what it should, only the ERP or its introspection can tell.') : about.good(said),
    ...!isOpaque && wanted.length > 0 && !wanted.some(one => audience.includes(one)) ? [about.warning(`it is not for ${wanted.join(', ')}, which was asked for`, 'See which API this client may use at the IdP, and by which parameter the IdP is told it: audience, resource, or a scope (docs/idps).')] : [],
    ...missing.length > 0 && !credential.scope?.endsWith('/.default') ? [about.warning(`it lacks scope ${missing.join(' ')}, which was asked for`, 'Grant it to this client at the IdP, or ask for less.')] : [],
    ...endsBy === 'neither' ? [about.warning('neither the answer nor the token says when it ends: it is taken for 5 minutes', 'Let the IdP send expires_in (RFC 6749 section 5.1).')] : [],
    ...endsBy !== 'neither' && life < SHORT ? [about.warning(`it ends after ${life} s: the IdP is asked for one again and again`, 'Give it a longer life at the IdP, 5 minutes or more; or see the clock of this machine.')] : [],
    ...isOld ? [about.warning('the IdP refuses the first client secret; the second one served', 'Where the new secret is not active yet, wait; else it is not what the IdP has. Take the old one out once the new one serves.')] : []
  ]
}

function faultOf ({ problem, status, error: word, error_description: description }: NotHad, error: IdpError | undefined, upstream: string, credential: TokenCredential, gateway: Gateway): Fault {
  const { issuer, token_endpoint: endpoint } = credential
  const url = new URL(endpoint ?? gateway.issuers[issuer ?? '']?.issuer ?? 'https://unknown.invalid')
  const place = issuer === undefined ? `upstreams.${upstream}.credential.${credential.kind}` : `issuers.${issuer}`
  const broken = connectionFault(error, url, `${place}.tls`)
  if (broken !== undefined) return { said: `no token: ${endpoint === undefined ? `the document or the token endpoint of issuers.${issuer ?? ''}: ` : ''}${broken.said}`, remedy: broken.remedy }
  // The problem has the word already, where it is a registered one.
  const words = [problem.includes(` ${word ?? ' '} `) ? undefined : word, description].filter(one => one !== undefined).map(one => JSON.stringify(one.slice(0, 300))).join(', ')
  const said = `no token: ${problem}${words === '' ? '' : `; it says ${words}`}`
  return { said, remedy: remedyOf(word, status, credential, upstream) }
}

// The registered codes of RFC 6749 section 5.2, and of RFC 8707.
function remedyOf (word: string | undefined, status: number | undefined, credential: TokenCredential, upstream: string): string {
  const own = `upstreams.${upstream}.credential`
  const bySecret = credential.kind === 'client_credentials'
  if (word === 'invalid_client' || (word === undefined && status === 401)) {
    return bySecret
      ? 'Compare client_id and client_secret with the IdP. Where they are right: some IdPs want auth_method: client_secret_post, and some basic_encoding: raw (docs/idps).'
      : 'Is the public key, or the certificate, of `key` registered for this client? Compare client_id (or iss), kid and algorithm.'
  }
  switch (word) {
    case 'invalid_grant': return 'The assertion is not taken: compare iss, subject, audience, kid and algorithm, and see the clock of this machine.'
    case 'unauthorized_client':
    case 'unsupported_grant_type': return 'Allow this client the grant client_credentials at the IdP (a "machine to machine" or "service account" client), or the one that `credential` names.'
    case 'invalid_scope': return `See which scopes this client may ask for at the IdP, and correct ${own}.${credential.kind}.scope.`
    case 'invalid_target':
    case 'access_denied': return 'Let this client use the ERP\'s API at the IdP, and see audience or resource: they have to be that API\'s identifier.'
    case 'invalid_request': return 'A parameter is missing or one too many: see audience, resource, scope and params, and what the IdP wants (docs/idps).'
    default: return status === undefined
      ? 'See `countersign token`, and issuers above: the token endpoint is the one that its document names, or token_endpoint.'
      : status === 404 ? 'See token_endpoint, or issuer: there is none at this URL.' : status >= 500 ? 'The IdP fails: see its status page or its log, and try again.' : 'See the log of the IdP about this client.'
  }
}

function listOf (value: unknown): string[] {
  return (Array.isArray(value) ? value as readonly unknown[] : [value]).filter(one => typeof one === 'string')
}

function textOf (value: unknown): string | undefined {
  const list = listOf(value)
  return list.length === 0 ? undefined : list.join(' ')
}
