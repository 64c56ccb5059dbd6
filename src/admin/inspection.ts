import { isoTime } from '../common/dates.ts'
import { explain, type Question } from '../explain/explain.ts'
import type { Explanation, PastLine, RuleRow } from '../explain/explanation.ts'
import { explainPast } from '../explain/past.ts'
import { rowOf } from '../explain/rule-row.ts'
import { Patience } from '../inbound/patience.ts'
import type { Common, PastRefusal } from '../observe/decisions.ts'
import type { ShadowReport } from '../observe/shadow-tally.ts'
import type { Snapshot, Totals } from '../observe/snapshot.ts'
import { PROBLEMS } from '../policy/problems.ts'
import type { Shadow } from '../shadow/shadow.ts'
import { takeSnapshot, type SnapshotParts } from './snapshot.ts'

/** Which refusals are asked for, and how many of them. */
export interface Latest extends Common {
  readonly most: number
}

/** What may be asked of a gateway by who runs it. */
export interface Inspection {
  /** Why a request would pass or not, by the rules and keys that are in use. */
  ask (question: Question): Promise<Explanation>
  /** Why one was refused; undefined where it is not remembered. */
  past (decision: string): Promise<Explanation | undefined>
  /** The last refusals, the newest first. */
  latest (asked: Latest): Promise<readonly PastLine[]>
  /** What the routes that are tried out would change; undefined where none are. */
  shadow (): Promise<ShadowReport | undefined>
  snapshot (): Promise<Snapshot>
  /** Of what it counts that which is followed over time, at the least cost. */
  totals (): Promise<Totals>
  /** The rules in use, in the order of the file. */
  rules (): Promise<readonly RuleRow[]>
}

export interface InspectionParts extends SnapshotParts {
  readonly shadow: Pick<Shadow, 'report'> | undefined
}

export function createInspection (parts: InspectionParts): Inspection {
  const { current, refusals, metrics, shadow } = parts
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
    latest: ({ most, ...common }) => Promise.resolve(refusals.latest(most, common).map(lineOf)),
    shadow: () => Promise.resolve(shadow?.report()),
    snapshot: async () => await takeSnapshot(parts),
    totals: () => Promise.resolve(metrics.traffic.totals()),
    rules: () => Promise.resolve(current().configuration.routes.map(rowOf))
  }
}

function lineOf ({ decision, time, method, path, refusal, rule, principal, letThrough }: PastRefusal): PastLine {
  return { decision, time: isoTime(time), method, path, status: PROBLEMS[refusal.code].status, code: refusal.code, rule: rule?.id, client: principal?.client, letThrough }
}
