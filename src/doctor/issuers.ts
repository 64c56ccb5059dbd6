import type { Issuer } from '../config/gateway-schema.ts'
import { whyNotReachable } from '../config/urls.ts'
import { IdpError, type IdpAnswer } from '../idp/http.ts'
import { createProvider, discoveryUrl } from '../idp/provider.ts'
import { importKeySet } from '../inbound/key-set.ts'
import { openIdpClient } from '../outbound/idp-client.ts'
import { ALGORITHMS } from '../policy/algorithms.ts'
import { answerFault } from './answer-fault.ts'
import { clockAhead, type Asked } from './clock.ts'
import { connectionFault } from './connection-fault.ts'
import { findingsAbout, type About, type Fault, type Finding } from './finding.ts'
import { plainHttp } from './plain-http.ts'

export interface IssuerSurroundings {
  /** ms since the epoch */
  readonly now: () => number
  /** whether a credential asks the token endpoint that its document names */
  readonly givesTokens: boolean
}

/** Asks an issuer as the gateway asks it: its document, its keys, and by the way what time it is there. */
export async function examineIssuer (name: string, issuer: Issuer, { now, givesTokens }: IssuerSurroundings): Promise<readonly Finding[]> {
  const about = findingsAbout('issuers', name)
  const answers: Timed[] = []
  const heard: IdpAnswer[] = []
  const { client, close } = openIdpClient(issuer.tls, answer => { heard.push(answer) })
  const provider = createProvider(issuer, client, url => whyNotReachable(url, issuer.allow_http) === undefined)

  async function ask<T> (what: 'document' | 'keys', url: string, question: () => Promise<T>): Promise<{ readonly value: T } | { readonly fault: Fault }> {
    heard.length = 0
    const sent = now()
    try {
      return { value: await question() }
    } catch (error) {
      // The key set says by a RangeError that it is none.
      if (!(error instanceof IdpError) && !(error instanceof RangeError)) throw error
      return { fault: connectionFault(error, new URL(url), `issuers.${name}.tls`) ?? answerFault({ problem: error.message, what, url, answer: heard[0], name, issuer: issuer.issuer }) }
    } finally {
      for (const { headers } of heard) answers.push({ sent, received: now(), headers })
    }
  }

  async function lookAtDocument (found: Finding[]): Promise<string | undefined> {
    if (issuer.jwks_uri !== undefined && !givesTokens) {
      found.push(about.good('its document is not asked for: jwks_uri says where its keys are'))
      return issuer.jwks_uri
    }
    const url = issuer.discovery ?? discoveryUrl(issuer.issuer)
    const document = await ask('document', url, () => provider.metadata())
    if ('fault' in document) {
      found.push(about.bad(document.fault.said, document.fault.remedy))
      return issuer.jwks_uri
    }
    found.push(about.good(`its document is at ${url}, and is of this issuer to the letter`))
    const keysAt = issuer.jwks_uri ?? document.value.jwks_uri
    if (keysAt === undefined) found.push(about.bad('its document names no jwks_uri', `Say where its keys are: issuers.${name}.jwks_uri.`))
    return keysAt
  }

  async function lookAtKeys (url: string, found: Finding[]): Promise<void> {
    const set = await ask('keys', url, async () => await importKeySet(await client.json(url), issuer.algorithms ?? ALGORITHMS))
    if ('fault' in set) {
      found.push(about.bad(set.fault.said, set.fault.remedy))
      return
    }
    const { keys, unusable } = set.value
    const leftOut = unusable.length === 0 ? '' : `${unusable.slice(0, 5).join('; ')}${unusable.length > 5 ? '; …' : ''}`
    if (keys.length > 0) found.push(about.good(`${keys.length} ${keys.length === 1 ? 'key' : 'keys'} can be used${leftOut === '' ? '' : ` (left out: ${leftOut})`}`))
    else if (unusable.length === 0) found.push(about.bad(`there is no key at ${url}`, 'Publish the signing keys there, or name the URL that has them in jwks_uri.'))
    else found.push(about.bad(`no key at ${url} can be used: ${leftOut}`, `The IdP has to sign with RSA from 2048 bits, with P-256, P-384, P-521 or Ed25519, by an algorithm of issuers.${name}.algorithms where that is given.`))
  }

  try {
    const found = plainHttp(about, [issuer.discovery ?? issuer.issuer, issuer.jwks_uri], 'keys')
    const keysAt = await lookAtDocument(found)
    if (keysAt !== undefined) await lookAtKeys(keysAt, found)
    const [first] = answers
    return first === undefined ? found : [...found, clockFinding(about, issuer.clock_tolerance, first)]
  } finally {
    close()
  }
}

type Timed = Asked & Pick<IdpAnswer, 'headers'>

function clockFinding (about: About, tolerance: number, asked: Timed): Finding {
  const ahead = clockAhead(asked.headers, asked)
  if (ahead === undefined) return about.warning('does not say what time it is (no Date in its answer)', 'Compare the two clocks by hand: date -u on this machine, and the iat of a token that was just issued.')
  const off = Math.abs(ahead)
  const said = `its clock is ${seconds(off)} ${ahead > 0 ? 'ahead of' : 'behind'} this machine's, and clock_tolerance forgives ${seconds(tolerance)}`
  const remedy = ahead > 0
    ? 'Its tokens come from the future and are refused. Mostly this machine\'s clock is the wrong one: let NTP set it. clock_tolerance is for what is left.'
    : 'Its tokens end too early here. Mostly this machine\'s clock is the wrong one: let NTP set it. clock_tolerance is for what is left.'
  if (off > tolerance) return about.bad(said, remedy)
  if (off > tolerance / 2) return about.warning(said, remedy)
  return about.good(off === 0 ? 'its clock and this machine\'s are the same, to a second' : said)
}

function seconds (ms: number): string {
  return `${Math.round(ms / 100) / 10} s`
}
