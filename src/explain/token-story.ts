import type { VerificationKey } from '../inbound/key.ts'
import { decodeToken } from '../inbound/token.ts'
import { assertAccessToken, assertAudience, assertClaims, assertNotExpired, assertTimes, type TrustedIssuer, type Verifier } from '../inbound/verify.ts'
import { ownClaim, type Claims } from '../policy/claims.ts'
import { classify, evidenceText, type JoseHeader, type Principal } from '../policy/principal.ts'
import { refuse, Refusal } from '../policy/problems.ts'
import type { Story } from './story.ts'
import type { TokenSeen } from './explanation.ts'

/** What a caller shows: a token, or the claims of one, whose signature nobody looks at. */
export type Shown =
  | { readonly token: string }
  | { readonly claims: Claims, readonly header: JoseHeader, /** by its name in gateway.yaml; by `iss` when left out */ readonly issuer?: string | undefined }

export interface TokenWorld {
  readonly issuers: readonly TrustedIssuer[]
  readonly verifier: Verifier
  readonly maxTokenSize: number
  /** ms since the epoch */
  readonly now: () => number
  /** lets the question wait for keys, for a time */
  readonly wait: <T>(promise: Promise<T>) => Promise<T | undefined>
}

export interface TokenTold {
  readonly seen: TokenSeen
  readonly issuer: TrustedIssuer | undefined
  /** who it speaks for, if it is what it says it is; undefined where it cannot be read */
  readonly principal: Principal | undefined
}

/** Asks a token all that the data plane asks it, and goes on after the first thing that does not hold. */
export async function tellToken (story: Story, shown: Shown, world: TokenWorld): Promise<TokenTold> {
  return 'token' in shown ? await tellSigned(story, shown.token, world) : tellClaims(story, shown, world)
}

async function tellSigned (story: Story, token: string, world: TokenWorld): Promise<TokenTold> {
  const verdict = await verdictOn(token, world)
  if (verdict instanceof Refusal) story.refusal ??= verdict
  const decoded = decodeToken(token)
  if (token.length > world.maxTokenSize || typeof decoded === 'string') {
    const saw = typeof decoded !== 'string' ? 'larger than max_token_size' : decoded === 'not-jwt' ? 'no JWT: three parts with dots between them, the first a JSON object with alg' : 'a malformed JWT: an unusual spelling, or a header that asks for what is not understood (crit, b64, zip)'
    story.open('format', saw)
    markFailed(story, 'format', saw)
    return { seen: { kind: 'unread', issuer: undefined, header: {}, ends: undefined }, issuer: undefined, principal: undefined }
  }
  const { header, claims } = decoded
  story.pass('format', 'a signed JWT')
  const issuer = tellIssuer(story, ownClaim(claims, 'iss'), world)
  if (issuer === undefined) return { seen: seenOf('unread', header, claims, undefined), issuer: undefined, principal: undefined }
  await tellSignature(story, token, header, issuer, world)
  return tellContent(story, header, claims, issuer, world)
}

function tellClaims (story: Story, { claims, header, issuer: name }: Extract<Shown, { claims: Claims }>, world: TokenWorld): TokenTold {
  const issuer = name === undefined ? tellIssuer(story, ownClaim(claims, 'iss'), world) : world.issuers.find(one => one.name === name)
  story.open('signature', 'not checked: these are claims, not a token')
  if (issuer === undefined) return { seen: seenOf('unread', header, claims, undefined), issuer: undefined, principal: undefined }
  return tellContent(story, header, claims, issuer, world)
}

async function verdictOn (token: string, { verifier, wait }: TokenWorld): Promise<Refusal | undefined> {
  try {
    await verifier.verify(token, wait)
    return undefined
  } catch (error) {
    if (error instanceof Refusal) return error
    throw error
  }
}

function tellIssuer (story: Story, iss: unknown, { issuers }: TokenWorld): TrustedIssuer | undefined {
  const issuer = issuers.find(one => one.issuer === iss)
  if (issuer !== undefined) {
    story.pass('issuer', `iss ${issuer.issuer} is issuer ${issuer.name}`)
    return issuer
  }
  const near = typeof iss === 'string' ? issuers.find(one => one.issuer.replace(/\/$/, '').toLowerCase() === iss.replace(/\/$/, '').toLowerCase()) : undefined
  const saw = `iss ${shownText(iss)} is none of ${issuers.map(one => one.issuer).join(', ') || 'no issuers'}${near === undefined ? '' : '; one differs in a last slash or in letter case alone, which count'}`
  story.fail('issuer', unknownIssuer(), saw)
  return undefined
}

async function tellSignature (story: Story, token: string, header: JoseHeader, issuer: TrustedIssuer, { wait }: TokenWorld): Promise<void> {
  const alg = issuer.algorithms.find(one => one === header.alg)
  if (alg === undefined) {
    markFailed(story, 'algorithm', `alg ${shownText(header.alg)} is not among ${issuer.algorithms.join(', ')}`)
    return
  }
  story.pass('algorithm', alg)
  const found = issuer.keys.find(header.kid, alg)
  const key = found instanceof Promise ? await wait(found) ?? 'unavailable' : found
  if (key === 'unavailable') markFailed(story, 'key', `the keys of issuer ${issuer.name} cannot be had`)
  else if (key === 'unknown') markFailed(story, 'key', `no key of issuer ${issuer.name} has kid ${shownText(header.kid)} for ${alg}`)
  else tellKey(story, token, key, header)
}

function tellKey (story: Story, token: string, key: VerificationKey, { kid }: JoseHeader): void {
  story.pass('key', kid === undefined ? 'the only one of the issuer' : `kid ${shownText(kid)}`)
  if (key.verifies(token)) story.pass('signature', 'by that key')
  else markFailed(story, 'signature', 'not by that key: the token was changed or cut, or another issuer uses this kid')
}

function tellContent (story: Story, header: JoseHeader, claims: Claims, issuer: TrustedIssuer, { now }: TokenWorld): TokenTold {
  const principal = classify(issuer.policy, { header, claims })
  story.ask('times', () => {
    assertNotExpired(claims, issuer, now())
    assertTimes(claims, issuer, now())
  }, () => `ends ${endOf(claims) ?? ''}`)
  story.ask('token kind', () => { assertAccessToken(principal, issuer) }, () => evidenceText(principal))
  if (issuer.claims.length > 0) story.ask('claims of every token', () => { assertClaims(principal, issuer) }, () => issuer.claims.map(({ name }) => name).join(', '))
  story.ask('audience', () => { assertAudience(principal, issuer) }, () => `aud ${shownText(ownClaim(claims, 'aud'))}, client ${shownText(principal.client)}`)
  return { seen: seenOf(principal.tokenKind, header, claims, issuer), issuer, principal }
}

// What the verifier refuses before the signature has one answer for all: here its cause has a name.
function markFailed (story: Story, name: string, saw: string): void {
  if (story.steps.at(-1)?.name === name) story.steps.pop()
  story.steps.push({ name, outcome: 'fail', saw })
}

// Where only claims are shown there was no verifier to say it.
function unknownIssuer (): Refusal {
  return refuse('token-invalid', 'The access token is not one that this API takes.', { saw: 'unknown issuer' })
}

function seenOf (kind: TokenSeen['kind'], { alg, kid, typ }: JoseHeader, claims: Claims, issuer: TrustedIssuer | undefined): TokenSeen {
  const header = Object.fromEntries(Object.entries({ alg, kid, typ }).flatMap(([name, value]) => typeof value === 'string' ? [[name, value.slice(0, 200)]] : []))
  return { kind, issuer: issuer?.name, header, ends: endOf(claims) }
}

function endOf (claims: Claims): string | undefined {
  const exp = ownClaim(claims, 'exp')
  const ms = typeof exp === 'number' ? exp * 1000 : NaN
  return Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : undefined
}

function shownText (value: unknown): string {
  if (value === undefined) return 'none'
  const text = typeof value === 'string' ? value : Array.isArray(value) ? value.filter(one => typeof one === 'string').join(' ') : typeof value
  return text.slice(0, 200)
}
