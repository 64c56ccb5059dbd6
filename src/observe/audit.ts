import { randomUUID } from 'node:crypto'
import type { RetryReason } from '../outbound/retry.ts'
import type { Principal } from '../policy/principal.ts'
import type { Refusal } from '../policy/problems.ts'

/** The rule that a request met. */
export interface RuleReference {
  readonly id: string
  readonly at: string
}

/** A request, or one within a batch, that its rule would refuse and lets through (`enforce: report`). */
export interface LetThrough {
  readonly rule: RuleReference
  readonly refusal: Refusal
}

/** What a write that may be repeated was: the first of its key, or what a repeat of it met. Labels of a metric. */
export type IdempotencyOutcome = 'first' | 'replayed' | 'conflict' | 'mismatch' | 'unknown'

/** What is known of one request as it goes: the log line, the metrics and a problem's `decision` are views of it. */
export class AuditRecord {
  readonly started: number = performance.now()
  readonly requestId: string
  readonly method: string
  rule: RuleReference | undefined
  principal: Principal | undefined
  /** whether the rule let it through; what then became of it is the outcome */
  granted = false
  upstream: string | undefined
  /** why the upstream was asked again, for each time that it was */
  retries: RetryReason[] | undefined
  /** so many times it was asked; counted where it is protected */
  attempts = 0
  /** which of its hosts was the last to be asked, where there are several */
  host: string | undefined
  /** ms that the request waited for its turn, where turns are taken */
  queuedMs: number | undefined
  upstreamStatus: number | undefined
  /** performance.now() when the request went out, and when it was answered or given up */
  upstreamStarted: number | undefined
  upstreamEnded: number | undefined
  /** undefined where it had no key, or its rule knows none */
  idempotency: IdempotencyOutcome | undefined
  refusal: Refusal | undefined
  /** what would have been refused; undefined where nothing would */
  reported: LetThrough[] | undefined
  /** so many requests were in its body, where that was looked into */
  batchParts: number | undefined
  /** the one of them for which all were refused, and the rule that it met */
  refusedPart: { readonly number: number, readonly rule: RuleReference | undefined } | undefined

  #decisionId: string | undefined

  constructor (requestId: string, method: string) {
    this.requestId = requestId
    this.method = method
  }

  /** The upstream is asked again. */
  retriedFor (reason: RetryReason): void {
    this.retries ??= []
    this.retries.push(reason)
  }

  /** Its rule, or that of one within it, would refuse it. */
  report (rule: RuleReference, refusal: Refusal): void {
    this.reported ??= []
    this.reported.push({ rule, refusal })
  }

  /** Made when it is first asked for: most requests are neither refused nor logged. */
  get decisionId (): string {
    return (this.#decisionId ??= randomUUID())
  }
}

/** The caller's own request id where it is one that can stand in a log and a header; else a new one. */
export function requestIdOf (sent: string | string[] | undefined): string {
  return typeof sent === 'string' && /^[A-Za-z0-9._-]{1,64}$/.test(sent) ? sent : randomUUID()
}
