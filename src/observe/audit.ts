import { randomUUID } from 'node:crypto'
import type { Principal } from '../policy/principal.ts'
import type { Refusal } from '../policy/problems.ts'

/** The rule that a request met. */
export interface RuleReference {
  readonly id: string
  readonly at: string
}

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
  /** whether the upstream was asked again with a new credential */
  retried = false
  upstreamStatus: number | undefined
  /** performance.now() when the request went out, and when it was answered or given up */
  upstreamStarted: number | undefined
  upstreamEnded: number | undefined
  refusal: Refusal | undefined

  #decisionId: string | undefined

  constructor (requestId: string, method: string) {
    this.requestId = requestId
    this.method = method
  }

  /** Made when it is first asked for: most requests are neither refused nor logged. */
  get decisionId (): string {
    return (this.#decisionId ??= randomUUID())
  }

  /**
   * One flat object for the log. No header, no query, no claim but the ids that name who called.
   * @param status of the answer, or of the problem where the caller has none
   */
  toLog (status: number): Record<string, unknown> {
    const { principal, refusal, rule, upstream } = this
    const line: Record<string, unknown> = { decision: this.decisionId, request: this.requestId, method: this.method, status, granted: this.granted }
    if (refusal !== undefined) {
      line['code'] = refusal.code
      line['saw'] = refusal.extras.saw ?? causeOf(refusal)
    }
    if (rule !== undefined) {
      line['rule'] = rule.id
      line['at'] = rule.at
    }
    if (principal !== undefined) {
      line['issuer'] = principal.issuer
      line['principal'] = principal.kind
      line['client'] = principal.client
      line['subject'] = principal.subject
    }
    if (upstream !== undefined) {
      line['upstream'] = upstream
      line['upstream_status'] = this.upstreamStatus
      line['upstream_ms'] = this.upstreamMs()
      if (this.retried) line['retried'] = true
    }
    line['ms'] = round(performance.now() - this.started)
    return line
  }

  upstreamMs (): number | undefined {
    return this.upstreamStarted === undefined ? undefined : round((this.upstreamEnded ?? performance.now()) - this.upstreamStarted)
  }
}

/** The caller's own request id where it is one that can stand in a log and a header; else a new one. */
export function requestIdOf (sent: string | string[] | undefined): string {
  return typeof sent === 'string' && /^[A-Za-z0-9._-]{1,64}$/.test(sent) ? sent : randomUUID()
}

function causeOf ({ code, cause }: Refusal): string | undefined {
  // Only for our own failures: an error's text can hold what it failed over.
  return code === 'internal' && cause instanceof Error ? cause.stack : undefined
}

function round (ms: number): number {
  return Math.round(ms * 100) / 100
}
