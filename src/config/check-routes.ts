import { PROFILES } from '../policy/profiles/index.ts'
import type { Require } from '../policy/require.ts'
import { checkBatch } from './check-batch.ts'
import { checkBatches } from './check-batches.ts'
import { checkConflicts } from './check-conflicts.ts'
import { checkIdempotency } from './check-idempotency.ts'
import type { Draft } from './draft.ts'
import { foldHeaderName } from './header-rules.ts'
import { credentialHeaders, mergeHeaders } from './merge.ts'
import type { Path } from './mistakes.ts'
import { isObject } from './objects.ts'
import { lostByRewrite, whyRewriteMisfits } from './rewrite.ts'
import type { Rule } from './routes-schema.ts'
import { expectOneOf } from './spelling.ts'
import { rawAt } from './zod-mistakes.ts'

/** What in routes.yaml no key can tell by itself: names of gateway.yaml, and rules beside each other. */
export function checkRoutes (draft: Draft): void {
  checkNames(draft, ['defaults'], draft.defaults)
  draft.rules.forEach((rule, at) => {
    const path: Path = ['routes', at]
    checkNames(draft, path, rule)
    checkChoices(draft, path, rule)
    checkPublic(draft, path, rule)
    checkReport(draft, path, rule)
    checkWithoutCredential(draft, path, rule)
    checkAlternatives(draft, path, rule.require)
    checkProof(draft, path, rule)
    checkRewrite(draft, path, rule)
    checkGrants(draft, path, rule)
    checkHeaders(draft, path, rule)
    checkIdempotency(draft, path, rule)
  })
  checkIds(draft)
  checkConflicts(draft)
  checkBatch(draft)
  checkBatches(draft)
}

function checkNames ({ routes, issuers, upstreams }: Draft, path: Path, { issuers: wanted, upstream }: Partial<Rule>): void {
  if (issuers !== undefined) {
    const known = Object.keys(issuers)
    wanted?.forEach((name, at) => {
      if (!known.includes(name)) routes.report([...path, 'issuers', at], `no such issuer; ${expectOneOf(name, known, 'known are')}`)
    })
  }
  if (upstreams !== undefined && upstream !== undefined && !Object.hasOwn(upstreams, upstream)) {
    routes.report([...path, 'upstream'], `no such upstream; ${expectOneOf(upstream, Object.keys(upstreams), 'known are')}`)
  }
}

// Where there are several, none is meant by itself: a new issuer in gateway.yaml must widen no rule here.
function checkChoices ({ routes, issuers, upstreams }: Draft, path: Path, { require }: Partial<Rule>): void {
  if (!isObject(rawAt(routes.value, path))) return
  const says = (key: string) => rawAt(routes.value, [...path, key]) !== undefined || rawAt(routes.value, ['defaults', key]) !== undefined
  const several = (names: object) => Object.keys(names).join(', ')
  if (issuers !== undefined && rawAt(routes.value, [...path, 'require']) !== 'public') {
    if (Object.keys(issuers).length === 0) routes.report([...path, 'require'], 'gateway.yaml has no issuers, so that no token can be taken')
    if (Object.keys(issuers).length > 1 && !says('issuers')) routes.report(path, `issuers is missing: gateway.yaml has several (${several(issuers)}); name those whose tokens this rule takes`)
  }
  if (upstreams !== undefined && Object.keys(upstreams).length > 1 && !says('upstream')) {
    routes.report(path, `upstream is missing: gateway.yaml has several (${several(upstreams)})`)
  }
  if (require === 'public' && rawAt(routes.value, [...path, 'identity']) !== undefined) {
    routes.report([...path, 'identity'], 'a public rule knows no caller: no such header is ever sent', { severity: 'warning' })
  }
}

function checkPublic ({ routes, defaults }: Draft, path: Path, { match, require, credential }: Partial<Rule>): void {
  if (require !== 'public' || match?.segments.at(-1)?.kind !== 'rest' || (credential ?? defaults.credential) === 'none') return
  routes.report([...path, 'match'], 'a public rule that ends in * would lend the gateway\'s credential to everybody for everything below: name the paths, or say credential: none')
}

function checkReport ({ routes }: Draft, path: Path, { require, enforce }: Partial<Rule>): void {
  if (enforce === undefined) return
  const at = [...path, 'enforce']
  if (require === 'public') routes.report(at, 'a public rule refuses nobody: there is nothing to report', { on: 'key' })
  else routes.report(at, 'this lets through what the rule would refuse with 403: any user or client with a good token of its issuers reaches the ERP, and is recorded', { severity: 'warning', on: 'key' })
}

// The connections are the upstream's: over them its certificate is shown, whatever a rule says.
function checkWithoutCredential ({ routes, defaults, upstreams = {} }: Draft, path: Path, { credential, upstream = defaults.upstream }: Partial<Rule>): void {
  if ((credential ?? defaults.credential) !== 'none') return
  const names = Object.keys(upstreams)
  const name = upstream ?? (names.length === 1 ? names[0] : undefined)
  if (name === undefined || !Object.hasOwn(upstreams, name) || upstreams[name]?.credential?.kind !== 'client_certificate') return
  const own = [...path, 'credential']
  routes.report(rawAt(routes.value, own) === undefined ? path : own, `upstream "${name}" shows its client_certificate on every connection: for rules without it name another upstream, with credential: none`)
}

// `[user, { user: { scope: x } }]`: the second is never asked, and whoever wrote it thinks that it is.
function checkAlternatives ({ routes }: Draft, path: Path, require: Require | undefined): void {
  if (require === undefined || require === 'public') return
  require.forEach(({ kinds, conditions }, at) => {
    if (Object.keys(conditions).length === 0) return
    const wider = require.find(other => Object.keys(other.conditions).length === 0 && kinds.every(kind => other.kinds.includes(kind)))
    if (wider !== undefined) routes.report([...path, 'require', at], `has no effect: plain ${wider.kinds.join('|')} beside it suffices`, { severity: 'warning' })
  })
}

// An IdP whose tokens do not say what a user or a client is: without a marker, nobody ever gets in.
function checkProof ({ routes, issuers = {}, defaults }: Draft, path: Path, { require, issuers: own }: Partial<Rule>): void {
  if (require === undefined || require === 'public') return
  const taken = (own ?? defaults.issuers ?? Object.keys(issuers)).flatMap(name => Object.hasOwn(issuers, name) ? issuers[name] ?? [] : [])
  for (const kind of new Set(require.flatMap(({ kinds }) => kinds))) {
    const marker = kind === 'user' ? 'user_when' : 'client_when'
    const mute = taken.filter(({ idp, [marker]: given }) => idp !== undefined && given === undefined && !PROFILES[idp][kind].some(({ strength }) => strength === 'proof'))
    if (taken.length > 0 && mute.length === taken.length) {
      routes.report([...path, 'require'], `no ${kind} can be told at ${mute.map(({ idp }) => idp).join(', ')} without ${marker} in gateway.yaml`, { severity: 'warning' })
    }
  }
}

function checkRewrite ({ routes, defaults }: Draft, path: Path, { match, rewrite = defaults.rewrite }: Partial<Rule>): void {
  if (match === undefined || rewrite === undefined) return
  const own = rawAt(routes.value, [...path, 'rewrite']) !== undefined
  const at = own ? [...path, 'rewrite'] : [...path, 'match']
  const problem = whyRewriteMisfits(rewrite, match)
  if (problem !== undefined) return routes.report(at, own ? problem : `the rewrite of defaults does not fit: ${problem}`)
  const lost = lostByRewrite(rewrite, match)
  if (lost.length > 0) routes.report(at, `the rewrite leaves out ${lost.join(', ')} of the match`, { severity: 'warning' })
}

// What is admitted within parameters alone is nothing where there are none.
function checkGrants ({ routes }: Draft, path: Path, { match, escapes, matrix = false }: Partial<Rule>): void {
  if (match === undefined || match.segments.some(segment => 'name' in segment)) return
  for (const key of [...escapes === undefined ? [] : ['escapes'], ...matrix ? ['matrix'] : []]) {
    routes.report([...path, key], 'has no effect: it is for parameters, and the match has none', { severity: 'warning', on: 'key' })
  }
}

function checkHeaders ({ routes, defaults, upstreams, config }: Draft, path: Path, rule: Partial<Rule>): void {
  const names = Object.keys(upstreams ?? {})
  const upstream = rule.upstream ?? defaults.upstream ?? (names.length === 1 ? names[0] : undefined)
  const target = upstream === undefined || upstreams === undefined || !Object.hasOwn(upstreams, upstream) ? undefined : upstreams[upstream]
  const own = target?.credential === undefined ? [] : credentialHeaders({ credential: target.credential, csrf: target.csrf })
  const report = (key: Path, message: string) => {
    const at = [...path, ...key]
    routes.report(rawAt(routes.value, at) === undefined && key[0] !== 'headers' ? path : at, message, { on: 'key' })
  }
  const merged = mergeHeaders([target?.headers, defaults.headers, rule.headers])
  const carriesCredential = `this header carries the credential of upstream "${String(upstream)}"`
  for (const source of [rule, defaults]) {
    for (const header of Object.keys(source.headers?.set ?? {})) {
      if (own.includes(foldHeaderName(header))) report(['headers', 'set', header], carriesCredential)
    }
  }
  const setToo = new Set(Object.keys(merged.set).map(foldHeaderName))
  for (const header of Object.keys((rule.identity ?? defaults.identity)?.headers ?? {})) {
    const folded = foldHeaderName(header)
    if (own.includes(folded)) report(['identity', 'headers', header], carriesCredential)
    if (setToo.has(folded)) report(['identity', 'headers', header], 'this header is set by `headers` too')
  }
  const kept = merged.keep.find(header => own.includes(header))
  if (kept !== undefined && config.value !== undefined) report(['headers', 'keep'], carriesCredential)
}

function checkIds ({ routes, rules }: Draft): void {
  const seen = new Map<string, number>()
  rules.forEach(({ id }, at) => {
    if (id === undefined) return
    const first = seen.get(id)
    if (first === undefined) seen.set(id, at)
    else routes.report(['routes', at, 'id'], `routes[${first}] has this id too`)
  })
}
