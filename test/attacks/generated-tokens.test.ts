// Any mutation of a valid token is refused with 401 (or 403 by the policy, or 400 where it is no credential any more), or
// it means what a strict reader finds in it; and by a rule that names who may pass, exactly what the original meant.
import { createPublicKey, sign } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { extractCredential } from '../../src/inbound/credential.ts'
import { createPrincipalCaches } from '../../src/inbound/principal-cache.ts'
import { problemAnswer } from '../../src/inbound/problem-answer.ts'
import { createVerifier } from '../../src/inbound/verify.ts'
import { createAuditLine } from '../../src/observe/audit-line.ts'
import { AuditRecord } from '../../src/observe/audit.ts'
import { headerValue } from '../../src/outbound/upstream-headers.ts'
import { readClaim } from '../../src/policy/claims.ts'
import { decide, refusalOf, type PolicyRule } from '../../src/policy/decide.ts'
import { classify, type Principal } from '../../src/policy/principal.ts'
import { PROBLEMS, Refusal } from '../../src/policy/problems.ts'
import { PROFILES } from '../../src/policy/profiles/index.ts'
import { compileAlternative, type Conditions } from '../../src/policy/require.ts'
import { apiAudience, type Mints } from '../support/mint.ts'
import type { SigningKey } from '../support/signing-keys.ts'
import { startAttacked, tally } from './gauntlet.ts'
import { generation } from './generated.ts'
import { mutate, mutations, type Member, type Original } from './token-mutations.ts'
import { readToken, type Known, type Reading } from './token-reading.ts'
import { trustedIssuer } from './trusted-issuer.ts'

/** Whoever a rule names: of the original, all that says who it is. */
const NAMED = {
  user: { scope: ['openid', 'profile'], client_id: ['saas'], audience: [apiAudience], claims: { sub: 'user-1', client_id: 'saas' }, where: 'principal.kind == "user" && principal.subject == claims.sub && principal.client == "saas"' },
  client: { scope: ['api'], client_id: ['saas'], audience: [apiAudience], claims: { sub: 'saas', client_id: 'saas' }, where: 'principal.kind == "client" && principal.subject == claims.client_id' }
} as const
const WHO: Readonly<Record<keyof typeof NAMED, Reading>> = { user: { kind: 'user', subject: 'user-1', client: 'saas' }, client: { kind: 'client', subject: 'saas', client: 'saas' } }
const KINDS = ['user', 'client'] as const
const REFUSED = new Set([400, 401, 403])

/** Through the socket a case takes some ms. */
const THROUGH_SOCKET = 300

const { seed, numRuns } = generation('generated tokens')
const cases = fc.record({ base: fc.constantFrom(...KINDS), mutation: mutations() })

t.test('below the socket: verified and decided as the gateway does it', async t => {
  const { trusted, ring, mints, now } = await trustedIssuer()
  const { verify } = createVerifier([trusted], 16_384, now)
  const cache = createPrincipalCaches({ max: 100, max_size: 1e7 }, now).of([trusted.keys])
  const originals = originalsOf(mints, ring.current)
  const known = knownBy(trusted.issuer, ring.current, now())
  const [anybody, ...named] = [ruleOf(), ruleOf('user'), ruleOf('client')]
  const counts = { granted: 0, refused: 0, changed: 0 }

  /** Who the token speaks for, as `journey` finds out; throws a Refusal. */
  function identify (token: string): Principal {
    const credential = extractCredential(`Bearer ${token}`)
    if (credential === undefined) throw new Error('a Bearer token is a credential')
    const found = cache.find(credential)
    if (found !== undefined) return found.principal
    const verified = verify(credential, async () => { throw new Error('there is nothing to wait for') })
    if (verified instanceof Promise) throw new Error('the keys are in hand')
    return cache.keep(credential, verified).principal
  }

  /** The answer: who was let through, or the code of a refusal that was written out whole. */
  function answerOf (token: string, rule: PolicyRule): Reading | string {
    const record = new AuditRecord('request', 'GET')
    try {
      record.principal = identify(token)
      const decision = decide(rule, record.principal, { now: now(), request: { method: 'GET', path: '/a', params: {}, address: '127.0.0.1' } })
      if (!decision.granted) throw refusalOf(rule, record.principal, decision)
      const { kind, subject, client } = logged(record, 200)
      const shown = headerValue(readClaim(record.principal.claims, ['sub']))
      if (shown !== inHeader(subject)) throw new Error(`the ERP is shown ${shown} for ${subject}`)
      return { kind, subject, client } as Reading
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      const { status } = PROBLEMS[error.code]
      if (!REFUSED.has(status)) throw new Error(`${status} ${error.code}`)
      record.refusal = error
      record.principal ??= error.extras.principal
      logged(record, status)
      const { headers } = problemAnswer(error, { decisionId: 'decision', requestId: 'request', problemsBase: 'urn:' })
      if (!headers.every(text => /^[\x20-\x7e]*$/.test(text))) throw new Error('a header that none can be')
      return error.code
    }
  }

  for (const kind of KINDS) t.same(answerOf(originals[kind].token, anybody), WHO[kind], 'the original passes')
  fc.assert(fc.property(cases, ({ base, mutation }) => {
    const token = mutate(originals[base], mutation)
    // Blanks before it are the header's (RFC 6750 section 2.1), not the token's.
    const reading = readToken(token.replace(/^ +/, ''), known)
    const answer = answerOf(token, anybody)
    counts[typeof answer === 'string' ? 'refused' : 'granted']++
    if (token !== originals[base].token) counts.changed++
    if (typeof answer !== 'string') assertSame(answer, reading, 'let through is who a strict reader finds')
    else if (reading === 'not signed by the issuer' && !BEFORE_SIGNATURE.has(answer)) throw new Error(`a forged token is told ${answer}`)
    for (const [at, rule] of named.entries()) {
      const decided = answerOf(token, rule)
      if (typeof decided !== 'string') assertSame(decided, WHO[KINDS[at] ?? 'user'], 'where a rule names one, it is that one')
    }
    assertClassified(token)
  }), { seed, numRuns })
  t.comment(JSON.stringify(counts))
  t.ok(counts.changed > numRuns / 2, 'mutations mutate')
  t.ok(numRuns < 1000 || (counts.granted > numRuns / 50 && counts.refused > numRuns / 2), 'some that mean the same pass, most do not')
  tally('generated tokens', { of: numRuns, held: t.passing() ? numRuns : 0 })
})

t.test('through the socket: what the log and the ERP are told', async t => {
  const routes = [
    { match: 'GET /anybody', require: 'user|client', identity: { headers: { 'X-Sub': 'sub' } } },
    ...KINDS.map(kind => ({ match: `GET /${kind}`, require: { [kind]: NAMED[kind] }, identity: { headers: { 'X-Sub': 'sub' } } }))
  ]
  const { idp, gateway, erp } = await startAttacked(t, { routes })
  erp.answerWith((_req, res) => { res.end('ok') })
  const originals = originalsOf(idp, idp.keys.current)
  const known = knownBy(idp.issuer, idp.keys.current, Date.now())
  let granted = 0

  async function answerOf (path: string, token: string): Promise<Reading | string> {
    const before = erp.requests.length
    const { status, code = '', headers } = await gateway.call({ path, token })
    const written = gateway.log.slice(-20_000).split('\n').findLast(one => one.includes(String(headers['x-request-id']))) ?? '{}'
    // Each line of the log is an object.
    const line = JSON.parse(written) as Record<string, unknown>
    if (line['status'] !== status) throw new Error(`the log says ${String(line['status'])}, the caller was told ${status}`)
    if (status !== 200) {
      if (!REFUSED.has(status) || erp.requests.length !== before) throw new Error(`${status} ${code}, and the ERP saw ${erp.requests.length - before}`)
      return code
    }
    const { principal: kind, subject, client, issuer } = line
    if (issuer !== 'main' || erp.requests.length !== before + 1) throw new Error('let through for another issuer, or not once')
    if (erp.requests.at(-1)?.headers['x-sub'] !== inHeader(subject)) throw new Error('the ERP is shown another')
    granted++
    return { kind, subject, client } as Reading
  }

  for (const kind of KINDS) for (const path of ['/anybody', `/${kind}`]) t.same(await answerOf(path, originals[kind].token), WHO[kind])
  await fc.assert(fc.asyncProperty(cases, async ({ base, mutation }) => {
    // Bytes that no header can hold would make another request of it, and blanks around a header's value are none of its.
    const token = mutate(originals[base], mutation).replace(/[^\x20-\x7e\x80-\xff]/g, '\xff').replace(/^ +| +$/g, '')
    const answer = await answerOf('/anybody', token)
    if (typeof answer !== 'string') assertSame(answer, readToken(token, known), 'let through is who a strict reader finds')
    const decided = await answerOf(`/${base}`, token)
    if (typeof decided !== 'string') assertSame(decided, WHO[base], 'where a rule names one, it is that one')
  }), { seed, numRuns: Math.min(numRuns, THROUGH_SOCKET) })
  t.ok(numRuns < THROUGH_SOCKET || granted > 4, 'some mean the same')
})

/** What a forged token may be told: nothing of what its claims are worth. */
const BEFORE_SIGNATURE = new Set(['credential-malformed', 'credential-ambiguous', 'token-not-jwt', 'token-invalid', 'token-expired'])

function originalsOf ({ mintUser, mintClient }: Mints, key: SigningKey): Readonly<Record<typeof KINDS[number], Original>> {
  return { user: original(mintUser(), key), client: original(mintClient(), key) }
}

// Signed here, and not by the support, which would note ten thousand secrets for every later search of a log.
function original (token: string, { privateKey }: SigningKey): Original {
  const [header = [], payload = []] = token.split('.', 2).map(part => Object.entries(JSON.parse(Buffer.from(part, 'base64url').toString()) as object).map(([name, value]): Member => [JSON.stringify(name), JSON.stringify(value)]))
  if (privateKey === undefined) throw new Error('a key that signs nothing')
  return { header, payload, token, sign: input => sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url') }
}

function knownBy (issuer: string, { privateKey, kid }: SigningKey, now: number): Known {
  return { issuer, audience: apiAudience, kid, publicKey: createPublicKey(privateKey ?? ''), now: now / 1000, tolerance: 5 }
}

function ruleOf (kind?: typeof KINDS[number]): PolicyRule {
  const named = (kind: typeof KINDS[number]): Conditions => ({ ...NAMED[kind], claims: Object.entries(NAMED[kind].claims).map(([name, value]) => ({ name, path: [name], values: [value] })) })
  const alternative = kind === undefined ? { kinds: KINDS, conditions: {} } : { kinds: [kind], conditions: named(kind) }
  return { id: 'GET /a', at: 'routes.yaml:2', requirement: [compileAlternative(alternative, {})], isConstant: kind === undefined, issuers: new Set(['main']), reports: false }
}

/** The log line as it is written: it must be JSON, and a short one but for the ids. */
function logged (record: AuditRecord, status: number): Record<string, unknown> {
  const line = JSON.parse(createAuditLine({ config: '0123456789ab', subject: undefined })(record, status)) as Record<string, unknown>
  return { ...line, kind: line['principal'] }
}

// Whatever the claims are, and whoever's profile reads them, it does not throw, and names a kind.
function assertClassified (token: string): void {
  const [header, claims] = token.split('.', 2).map(part => parsed(part))
  if (!isObject(header) || !isObject(claims) || typeof header['alg'] !== 'string') return
  for (const profile of Object.values(PROFILES)) {
    const { kind, tokenKind } = classify({ name: 'main', profile }, { header: { ...header, alg: header['alg'] }, claims })
    if (kind !== 'unknown' && tokenKind !== 'access') throw new Error(`${profile.name}: ${kind} by a token of kind ${tokenKind}`)
  }
}

function parsed (part: string): unknown {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString())
  } catch {
    return undefined
  }
}

function isObject (value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A subject as it stands in a header. */
function inHeader (subject: unknown): string {
  return String(subject).toWellFormed().replace(/[^\x21-\x7e]+/g, encodeURIComponent)
}

function assertSame (one: Reading, other: Reading | string, what: string): void {
  const text = (reading: Reading | string): string => typeof reading === 'string' ? reading : JSON.stringify([reading.kind, reading.subject, reading.client])
  if (text(one) !== text(other)) throw new Error(`${what}: ${text(one)}, not ${text(other)}`)
}
