import { eachOnce, within } from '../common/memo.ts'
import type { ShownSubject } from '../config/shown-subject.ts'
import type { Principal } from '../policy/principal.ts'
import type { Refusal } from '../policy/problems.ts'
import type { AuditRecord, LetThrough, RuleReference } from './audit.ts'

export interface AuditLineParts {
  /** which names the configuration that its requests go by */
  readonly config: string
  /** how subjects are written; undefined as they are */
  readonly subject: ShownSubject | undefined
}

/** Writes the line of a request. @param status of the answer, or of the problem where the caller has none */
export type AuditLine = (record: AuditRecord, status: number) => string

/**
 * The one line of a request that ended: a flat JSON object, shaped as the logger's other lines are (level 30). No
 * header, no query, no claim but the ids that name who called. Put together by hand, with the parts that do not change
 * made once: by way of an object and the logger it costs a fifth of what the request does.
 */
export function createAuditLine ({ config, subject }: AuditLineParts): AuditLine {
  const configText = `,"config":"${config}"`
  // A principal outlives a configuration, and the next one may write it otherwise.
  const principalTexts = new WeakMap<Principal, string>()
  const principalText = ({ issuer, kind, client, subject: name }: Principal): string =>
    members({ issuer, principal: kind, client, subject: name === undefined || subject === undefined ? name : subject.name(name) })
  return (record, status) => lineOf(record, status, configText, subject, principal => within(principalTexts, principal, principalText))
}

function lineOf (record: AuditRecord, status: number, configText: string, subject: ShownSubject | undefined, principalText: (principal: Principal) => string): string {
  const { principal, refusal, rule, upstream } = record
  const ended = performance.now()
  // The ids are made here or checked, and a method is a token: none has a character that JSON escapes.
  let line = `{"level":30,"time":"${timestamp()}","decision":"${record.decisionId}","request":"${record.requestId}","method":"${record.method}","status":${status},"granted":${String(record.granted)}`
  if (refusal !== undefined) line += refusalText(refusal, subject)
  if (rule !== undefined) line += within(ruleTexts, rule, ruleText)
  if (record.reported !== undefined) line += reportedText(record.reported, subject)
  if (record.batchParts !== undefined) line += batchText(record.batchParts, record.refusedPart)
  if (principal !== undefined) line += principalText(principal)
  if (record.idempotency !== undefined) line += `,"idempotency":"${record.idempotency}"`
  if (upstream !== undefined) {
    line += `,"upstream":${quoted(upstream)}`
    if (record.upstreamStatus !== undefined) line += `,"upstream_status":${record.upstreamStatus}`
    if (record.upstreamStarted !== undefined) line += `,"upstream_ms":${inMs((record.upstreamEnded ?? ended) - record.upstreamStarted)}`
    if (record.retries !== undefined) line += ',"retried":true'
    if (record.attempts > 0) line += `,"attempts":${record.attempts}`
    if (record.host !== undefined) line += `,"host":${quoted(record.host)}`
    if (record.queuedMs !== undefined) line += `,"queued_ms":${inMs(record.queuedMs)}`
  }
  return `${line}${configText},"ms":${inMs(ended - record.started)},"msg":"request"}\n`
}

const ruleTexts = new WeakMap<RuleReference, string>()

function ruleText ({ id, at }: RuleReference): string {
  return members({ rule: id, at })
}

function batchText (parts: number, refused: AuditRecord['refusedPart']): string {
  const line = `,"batch_parts":${parts}`
  if (refused === undefined) return line
  const { number, rule } = refused
  return `${line},"part":${number}${rule === undefined ? '' : members({ part_rule: rule.id, part_at: rule.at })}`
}

// The first says what it was; of a batch there may be one for each of its requests.
function reportedText (reported: readonly LetThrough[], subject: ShownSubject | undefined): string {
  const [first] = reported
  if (first === undefined) return ''
  const { code, extras: { saw } } = first.refusal
  return members({ reported: code, reported_saw: saw === undefined ? undefined : subject?.saw(saw) ?? saw }) + (reported.length > 1 ? `,"reported_parts":${reported.length}` : '')
}

function refusalText (refusal: Refusal, subject: ShownSubject | undefined): string {
  const { code, extras: { saw } } = refusal
  return members({ code, saw: saw === undefined ? causeOf(refusal) : subject === undefined ? saw : subject.saw(saw) })
}

// Of an object without the braces; a member that is undefined is none.
function members (object: Readonly<Record<string, string | undefined>>): string {
  return `,${JSON.stringify(object).slice(1, -1)}`
}

function causeOf ({ code, cause }: Refusal): string | undefined {
  // Only for our own failures: an error's text can hold what it failed over.
  return code === 'internal' && cause instanceof Error ? cause.stack : undefined
}

// The upstreams and their hosts are few.
const quoted = eachOnce(JSON.stringify)

// In hundredths, from whole numbers: to find the shortest decimal costs more than all the rest of the number.
function inMs (ms: number): string {
  const hundredths = Math.round(ms * 100)
  const rest = hundredths % 100
  return `${(hundredths - rest) / 100}.${rest < 10 ? '0' : ''}${rest}`
}

let latest = { ms: 0, text: '' }

// Many lines are written within one millisecond.
function timestamp (): string {
  const ms = Date.now()
  if (ms !== latest.ms) latest = { ms, text: new Date(ms).toISOString() }
  return latest.text
}
