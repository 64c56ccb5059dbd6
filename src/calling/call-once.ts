import { askForBody } from '../inbound/server-events.ts'
import type { Admitted } from '../journey.ts'
import { answerTaken } from '../outbound/answer-taken.ts'
import { bodyTooLarge } from '../outbound/caller-body.ts'
import { unwatchCaller, watchCaller } from '../outbound/caller-gone.ts'
import { startDeadline } from '../outbound/deadline.ts'
import { DetachedCaller } from '../outbound/detached.ts'
import type { HeldBody } from '../outbound/held-body.ts'
import { fingerprintOf, readIdempotencyKey } from '../outbound/idempotency-key.ts'
import { endAfterBody } from '../outbound/linger.ts'
import { readWhole } from '../outbound/whole-body.ts'
import { Witness } from '../outbound/witness.ts'
import type { Begun, KeptAnswer, Settled, WriteStore } from '../outbound/write-store.ts'
import type { Principal } from '../policy/principal.ts'
import { callerGone, refuse, type Refusal } from '../policy/problems.ts'
import { callUpstream, type Ended, type Visit } from './upstream-call.ts'

/** `idempotency` of a rule. */
export interface RouteIdempotency {
  /** lower case */
  readonly header: string
  readonly isRequired: boolean
  readonly store: WriteStore
  /** ms */
  readonly ttl: number
  /** ms that a repeat waits for the first one's answer */
  readonly wait: number
  /** bytes of a body, the request's and the answer's, that are held */
  readonly maxBody: number
  /** those that go on, whether their callers are there or not */
  readonly underWay: { count: number }
}

const WRITES: ReadonlySet<string> = new Set(['POST', 'PATCH', 'PUT', 'DELETE'])

/** Whether a second request of that method could do harm. */
export function isWrite (method: string): boolean {
  return WRITES.has(method)
}

/**
 * As `callUpstream`; but a write that its caller marks with a key is carried out once, and whoever repeats it has the
 * first one's answer (draft-ietf-httpapi-idempotency-key-header). It goes on when its caller leaves.
 * @throws {Refusal} at once or by its promise: idempotency-…, and what `callUpstream` throws
 */
export function callOnce (visit: Visit, admitted: Admitted, idempotency: RouteIdempotency): Promise<Ended> {
  const { incoming, record } = visit
  if (!isWrite(record.method)) return callUpstream(visit, admitted)
  const key = readIdempotencyKey(incoming.headersDistinct[idempotency.header])
  if (key !== undefined) return new Write(visit, admitted, idempotency, key).run()
  if (idempotency.isRequired) throw refuse('idempotency-key-missing', 'This route takes a write only with a key by which it can be repeated.', { saw: `no ${idempotency.header}` })
  return callUpstream(visit, admitted)
}

class Write {
  readonly #visit: Visit
  readonly #admitted: Admitted
  readonly #idempotency: RouteIdempotency
  readonly #name: string

  constructor (visit: Visit, admitted: Admitted, idempotency: RouteIdempotency, key: string) {
    const { rule: { id }, upstream } = admitted.found.rule
    this.#visit = visit
    this.#admitted = admitted
    this.#idempotency = idempotency
    this.#name = JSON.stringify([...callerOf(admitted.principal), id, upstream.name, key])
  }

  async run (): Promise<Ended> {
    const { incoming, record } = this.#visit
    const { store, ttl, wait } = this.#idempotency
    const body = await this.#readBody()
    const { path, query } = this.#admitted.target
    const print = fingerprintOf({ method: record.method, target: path + query, contentType: incoming.headers['content-type'], body: body?.chunks ?? [] })
    for (const until = performance.now() + wait; ;) {
      const begun = await store.begin(this.#name, print, ttl)
      if (begun.kind === 'first') return await this.#carryOut(begun.settle, body)
      if (begun.print !== undefined && begun.print !== print) throw this.#refuse('mismatch')
      if (begun.kind === 'kept') return await this.#replay(begun.answer)
      if (begun.kind === 'unknown') throw this.#refuse('unknown')
      await this.#untilOver(begun, until)
    }
  }

  async #readBody (): Promise<HeldBody | undefined> {
    const { incoming, response, held } = this.#visit
    const { guarded: { hasBody }, found: { rule: { bodyLimit, idleTimeout } } } = this.#admitted
    if (!hasBody || held?.isWhole === true) return held
    const limit = Math.min(bodyLimit, this.#idempotency.maxBody)
    if (Number(incoming.headers['content-length'] ?? 0) > limit) throw bodyTooLarge(limit)
    askForBody(incoming, response)
    return await readWhole(incoming, limit, idleTimeout)
  }

  /** It is nobody's any more but the gateway's: what its caller does from here on changes nothing of it. */
  async #carryOut (settle: (settled: Settled) => Promise<void>, held: HeldBody | undefined): Promise<Ended> {
    const { incoming, response, record } = this.#visit
    const { maxBody, underWay } = this.#idempotency
    record.idempotency = 'first'
    underWay.count++
    const caller = new DetachedCaller(incoming, response, maxBody)
    const witness = new Witness()
    let settled: Settled | undefined
    try {
      const outcome = await callUpstream({ ...this.#visit, incoming: caller.incoming, response: caller.response, held, witness }, this.#admitted)
      settled = settledBy(outcome, caller.answer, witness)
      record.upstreamEnded = performance.now()
      const taken = outcome.kind === 'answered' ? answerTaken(incoming, response, this.#admitted.found.rule.idleTimeout) : undefined
      await settle(settled)
      const refusal = await taken
      return refusal === undefined ? outcome : { kind: 'broken-off', refusal, status: outcome.status }
    } catch (error) {
      if (settled === undefined) await settle({ kind: witness.doubtful === 0 ? 'free' : 'unknown' })
      throw error
    } finally {
      caller.end()
      underWay.count--
    }
  }

  async #replay ({ status, headers, body }: KeptAnswer): Promise<Ended> {
    const { incoming, response, record, isDraining } = this.#visit
    if (response.destroyed || response.socket === null) throw callerGone()
    record.idempotency = 'replayed'
    response.writeHead(status, [...headers, 'X-Request-Id', record.requestId, 'Idempotency-Replayed', 'true', ...isDraining() ? ['Connection', 'close'] : []])
    endAfterBody(response, body.length === 0 ? undefined : body)
    const refusal = await answerTaken(incoming, response, this.#admitted.found.rule.idleTimeout)
    return refusal === undefined ? { kind: 'answered', status } : { kind: 'broken-off', refusal, status }
  }

  #untilOver ({ whenOver }: Extract<Begun, { kind: 'busy' }>, until: number): Promise<void> {
    const { incoming: { socket } } = this.#visit
    return new Promise((resolve, reject) => {
      const end = (): void => {
        limit.stop()
        waiting.stop()
        unwatchCaller(socket, watcher)
      }
      const watcher = {
        callerGone () {
          end()
          reject(callerGone())
        }
      }
      const waiting = whenOver(() => {
        end()
        resolve()
      })
      const limit = startDeadline(Math.max(0, until - performance.now()), () => {
        end()
        reject(this.#refuse('conflict'))
      })
      watchCaller(socket, watcher)
      if (socket.destroyed) watcher.callerGone()
    })
  }

  #refuse (outcome: keyof typeof REFUSALS): Refusal {
    this.#visit.record.idempotency = outcome
    return REFUSALS[outcome]()
  }
}

const REFUSALS = {
  conflict: () => refuse('idempotency-in-progress', 'A request with this key is being carried out. Try again shortly, with the same key.', { headers: { 'Retry-After': '2' } }),
  mismatch: () => refuse('idempotency-mismatch', 'This key was used for another request. A new request wants a new key.'),
  unknown: () => refuse('idempotency-outcome-unknown', 'A request with this key was sent, and what became of it is not known, or is not kept. It is not sent again. Find out before you send it with a new key.')
} as const

/** Who calls, so that no one else is taken for it. */
function callerOf (principal: Principal | undefined): Array<string | null> {
  const name = principal?.kind === 'user' ? principal.subject : principal?.subject ?? principal?.client
  // By what is left, other callers would be the same one.
  if (principal === undefined || name === undefined) throw refuse('idempotency-caller-unnamed', 'The access token does not name who calls: whose write this key repeats cannot be told.')
  return [principal.issuer, principal.kind, principal.subject ?? null, principal.client ?? null]
}

function settledBy (outcome: Ended, answer: KeptAnswer | undefined, { doubtful }: Witness): Settled {
  if (outcome.kind !== 'answered') return { kind: 'unknown' }
  // These say that nothing was done. By itself a 503 may be a proxy's, whose connection broke: only one that says when to
  // come again says it.
  if (outcome.status === 429) return { kind: doubtful === 0 ? 'free' : 'unknown' }
  if (outcome.status === 503 && saysWhen(answer)) return { kind: doubtful <= 1 ? 'free' : 'unknown' }
  return answer === undefined ? { kind: 'unknown' } : { kind: 'kept', answer }
}

function saysWhen (answer: KeptAnswer | undefined): boolean {
  return answer?.headers.some((name, at) => at % 2 === 0 && name.toLowerCase() === 'retry-after') === true
}
