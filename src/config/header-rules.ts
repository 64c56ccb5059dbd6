import * as z from 'zod'
import { isMethodOverride } from '../policy/method-override.ts'
import { all, byHand, type Fail } from './by-hand.ts'
import { oneOrMany } from './notation.ts'
import { isObject } from './objects.ts'

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/
const VISIBLE = /^[\x21-\x7e](?:[\x20-\x7e]{0,8190}[\x21-\x7e])?$/

const CREDENTIALS = ['authorization', 'proxy-authorization', 'cookie', 'dpop', 'x-api-key']
const ANSWER_CREDENTIALS = ['set-cookie', 'www-authenticate', 'proxy-authenticate']
const FRAMING = ['host', 'content-length', 'transfer-encoding', 'connection', 'expect', 'upgrade', 'te', 'trailer', 'keep-alive']
const OURS = ['x-request-id', 'traceparent', 'x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host']
const NEVER_KEPT = ['for', 'proto', 'host', 'user', 'email', 'groups', 'access-token', 'preferred-username'].map(name => `x-forwarded-${name}`)

/** The same for every spelling that a CGI-like server would fold into one: `X_User_Id` is `x-user-id`. */
export function foldHeaderName (name: string): string {
  return name.toLowerCase().replaceAll('_', '-')
}

/** `headers` of a rule or an upstream: what the ERP gets. */
export function requestHeaders () {
  return z.strictObject({
    set: headerMap(whyNotSet).optional().describe('Headers that the ERP gets, name to value; the caller\'s own of these names are removed.'),
    remove: names(whyNotRemoved).optional().describe('Headers of the caller that the ERP does not get.'),
    keep: names(whyNotKept).optional().describe('Headers that would be removed and that you own: X-Api-Key, or an X-Forwarded-… of yours.')
  }).meta({ title: 'request-headers' })
}

/** `response_headers` of a rule or an upstream: what the caller gets. */
export function responseHeaders () {
  return z.strictObject({
    set: headerMap(whyNotAnswered).optional().describe('Headers that the caller gets, name to value, in place of the ERP\'s.'),
    remove: names(whyNotAnswerRemoved).optional().describe('Headers of the ERP that the caller does not get.'),
    keep: names(whyNotAnswerKept).optional().describe('Headers of the ERP that would be removed: Server, X-Powered-By.')
  }).meta({ title: 'response-headers' })
}

/** A header in which the gateway shows its own credential. */
export function credentialHeaderName () {
  return byHand(z.string(), (value, fail) => typeof value === 'string' ? checkedName(value, whyNotCredential, fail) : fail('expected a header name', { found: true }))
}

/** The name of a header that carries no credential and frames nothing. */
export function plainHeaderName () {
  return byHand(z.string(), (value, fail) => typeof value === 'string' ? checkedName(value, whyNotSet, fail) : fail('expected a header name', { found: true }))
}

/** Says of a header name why `identity` or `headers.set` cannot give it to the ERP. */
export function whyNotSet (name: string): string | undefined {
  if (CREDENTIALS.includes(name)) return 'a header here cannot set a credential: that is what the upstream\'s `credential` is for'
  if (isMethodOverride(name)) return 'a method override would make the ERP do something else than the rule says'
  return whyNotOurs(name)
}

/** Says of a header name why it cannot carry the gateway's own credential. */
export function whyNotCredential (name: string): string | undefined {
  return whyNotOurs(name)
}

/** `{ <header name>: <value> }`, with names checked, each once in any spelling; values are left to `parse`. */
export function headerEntries<T> (value: unknown, why: (name: string) => string | undefined, parse: (value: unknown, fail: Fail) => T, fail: Fail): Record<string, T> {
  if (!isObject(value)) return fail('expected a mapping of header names to values', { found: true })
  const entries = Object.entries(value)
  if (entries.length === 0) return fail('must not be empty')
  const seen = new Set<string>()
  return Object.fromEntries(all(entries, ([name, one]) => {
    const atKey: Fail = message => fail(message, { path: [name], key: true })
    checkedName(name, why, atKey)
    if (seen.has(foldHeaderName(name))) return atKey('names a header that stands here already, in another spelling')
    seen.add(foldHeaderName(name))
    return [name, parse(one, (message, hints) => fail(message, { path: [name], ...hints }))]
  }))
}

function headerMap (why: (name: string) => string | undefined) {
  return byHand(z.record(z.string(), z.string()), (value, fail) => headerEntries(value, why, headerValue, fail))
}

function headerValue (value: unknown, fail: Fail): string {
  if (typeof value !== 'string') return fail('expected text: quote it')
  return VISIBLE.test(value) ? value : fail('a header\'s value is visible ASCII, not empty, without blanks around it')
}

function names (why: (name: string) => string | undefined) {
  return oneOrMany(byHand(z.string(), (value, fail) => typeof value === 'string' ? checkedName(value, why, fail) : fail('expected a header name', { found: true })))
}

function checkedName (name: string, why: (name: string) => string | undefined, fail: Fail): string {
  if (!TOKEN.test(name)) return fail('is no header name (RFC 9110 section 5.1): letters, digits and hyphens')
  const problem = why(foldHeaderName(name))
  return problem === undefined ? name : fail(problem)
}

function whyNotOurs (name: string): string | undefined {
  if (FRAMING.includes(name) || name.startsWith('proxy-')) return 'this header belongs to the connection and is the gateway\'s to write'
  return OURS.includes(name) ? 'this header is the gateway\'s to write' : undefined
}

function whyNotRemoved (name: string): string | undefined {
  return CREDENTIALS.includes(name) || name === 'proxy-authorization' ? undefined : whyNotOurs(name)
}

function whyNotKept (name: string): string | undefined {
  if (name === 'x-api-key' || (/^x-forwarded-[a-z0-9-]+$/.test(name) && !NEVER_KEPT.includes(name))) return undefined
  return 'only X-Api-Key and an X-Forwarded-… of your own can be kept (not -For, -Proto, -Host, -User, -Email, -Groups, -Access-Token, -Preferred-Username)'
}

function whyNotAnswered (name: string): string | undefined {
  if (ANSWER_CREDENTIALS.includes(name)) return 'a header here cannot set a credential or ask for one'
  return whyNotAnswerRemoved(name)
}

function whyNotAnswerRemoved (name: string): string | undefined {
  if (ANSWER_CREDENTIALS.includes(name)) return undefined
  if (FRAMING.includes(name) || name.startsWith('proxy-')) return 'this header belongs to the connection and is the gateway\'s to write'
  return name === 'x-request-id' ? 'every answer carries X-Request-Id' : undefined
}

function whyNotAnswerKept (name: string): string | undefined {
  return name === 'server' || name === 'x-powered-by' ? undefined : 'only Server and X-Powered-By can be kept'
}
