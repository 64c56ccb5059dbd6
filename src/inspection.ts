import { explain, type Question } from './explain/explain.ts'
import type { Explanation } from './explain/explanation.ts'
import { explainPast } from './explain/past.ts'
import type { Generation } from './generation.ts'
import { Patience } from './inbound/patience.ts'
import type { PastRefusal, PastRefusals } from './observe/decisions.ts'
import type { ShadowReport } from './observe/shadow-tally.ts'
import type { Shadow } from './shadow.ts'

/** A refusal in one line, or what was let through in its place. */
export interface PastLine {
  readonly decision: string
  /** RFC 3339 */
  readonly time: string
  readonly method: string
  readonly path: string
  readonly status: number
  readonly code: string
  readonly rule: string | undefined
  readonly client: string | undefined
  /** whether it passed all the same (`enforce: report`) */
  readonly letThrough: boolean
}

/** What may be asked of a gateway about its decisions. */
export interface Inspection {
  /** Why a request would pass or not, by the rules and keys that are in use. */
  ask (question: Question): Promise<Explanation>
  /** Why one was refused; undefined where it is not remembered. */
  past (decision: string): Promise<Explanation | undefined>
  /** The last refusals, the newest first. */
  latest (most: number): Promise<readonly PastLine[]>
  /** What the routes that are tried out would change; undefined where none are. */
  shadow (): Promise<ShadowReport | undefined>
}

export function createInspection (current: () => Generation, refusals: PastRefusals, shadow: Pick<Shadow, 'report'> | undefined): Inspection {
  return {
    async ask (question) {
      const { stages, issuers, configuration } = current()
      const patience = new Patience()
      return await explain(question, { ...stages, issuers, maxTokenSize: configuration.gateway.listen.max_token_size, wait: promise => patience.wait(promise) })
    },
    past (decision) {
      const past = refusals.find(decision)
      return Promise.resolve(past && explainPast(past))
    },
    latest: most => Promise.resolve(refusals.latest(most).map(lineOf)),
    shadow: () => Promise.resolve(shadow?.report())
  }
}

function lineOf ({ decision, time, method, path, refusal, rule, principal, letThrough }: PastRefusal): PastLine {
  return { decision, time: new Date(time).toISOString(), method, path, status: refusal.problem.status, code: refusal.code, rule: rule?.id, client: principal?.client, letThrough }
}
