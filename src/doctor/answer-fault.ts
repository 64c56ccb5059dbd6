import type { IdpAnswer } from '../idp/http.ts'
import { hiding } from '../outbound/token-facts.ts'
import type { Fault } from './finding.ts'

/** What was asked of an issuer, and what came of it. */
export interface BadAnswer {
  /** what the gateway says of it */
  readonly problem: string
  readonly what: 'document' | 'keys'
  readonly url: string
  /** undefined where none came */
  readonly answer: IdpAnswer | undefined
  /** the issuer's name in gateway.yaml */
  readonly name: string
  readonly issuer: string
}

/** What is wrong with an IdP's answer that is not the document, or the keys, that was asked for. */
export function answerFault ({ problem, what, url, answer, name, issuer }: BadAnswer): Fault {
  if (answer === undefined) return { said: `${url} ${problem}`, remedy: `See issuers.${name} in gateway.yaml.` }
  const { status, headers } = answer
  if (status >= 300 && status < 400) return { said: `${url} redirects (${status})${placeIn(headers['location'])}`, remedy: 'A redirect is never followed: write the URL that answers by itself, and see whether the issuer is the right one.' }
  if (status === 404) return { said: `${url} answers 404`, remedy: `Is the issuer right, with its path (realm, tenant, authorization server)? Where the document is elsewhere, say issuers.${name}.discovery; where there is none, jwks_uri.` }
  if (status === 401 || status === 403) return { said: `${url} answers ${status}`, remedy: 'Documents and keys are public at every IdP: a firewall or a proxy in front of it wants something else of this machine.' }
  if (status !== 200) return { said: `${url} answers ${status}`, remedy: status >= 500 ? 'The IdP fails: see its status page or its log, and try again.' : 'See whether the URL is the right one.' }
  if (/^\s*<|html/i.test(`${headers['content-type'] ?? ''}${answer.body.toString('latin1', 0, 100)}`)) return { said: `${url} answers with a page of HTML`, remedy: 'This is a login page or an error page: see whether the URL is the right one, and what stands between this machine and the IdP.' }
  const found = what === 'document' ? issuerIn(answer) : undefined
  return found === undefined || found === issuer ? { said: `${url} ${found === undefined && what === 'document' ? 'has no discovery document: none that names an issuer' : problem}`, remedy: 'Open the URL: what is there is not what OpenID Connect Discovery or RFC 7517 says.' } : otherIssuer(url, found, issuer, name)
}

function otherIssuer (url: string, found: string, issuer: string, name: string): Fault {
  const bySlash = found.replace(/\/$/, '') === issuer.replace(/\/$/, '')
  return {
    said: bySlash
      ? `the last slash differs: gateway.yaml has ${JSON.stringify(issuer)}, the document at ${url} has ${JSON.stringify(found)}`
      : `the document at ${url} is of another issuer: gateway.yaml has ${JSON.stringify(issuer)}, the document ${JSON.stringify(found)}`,
    remedy: `Issuers are compared to the letter. If that is the iss of its tokens too (decode one), write issuers.${name}.issuer: ${JSON.stringify(found)}.`
  }
}

function issuerIn ({ body }: IdpAnswer): string | undefined {
  try {
    const document: unknown = JSON.parse(body.toString())
    const issuer: unknown = typeof document === 'object' && document !== null && 'issuer' in document ? document.issuer : undefined
    return typeof issuer === 'string' ? hiding([]).text(issuer).slice(0, 300) : undefined
  } catch {
    return undefined
  }
}

function placeIn (location: string | undefined): string {
  return location === undefined ? '' : `, to ${JSON.stringify(hiding([]).text(location.replace(/[?#].*$/s, '')).slice(0, 300))}`
}
