import { credentialRefused, presentedInTime, renewCredential } from './credential-renewal.ts'
import type { Admitted } from './journey.ts'
import { Attempt } from './outbound/attempt.ts'
import { unwatchCaller, watchCaller } from './outbound/caller-gone.ts'
import type { Presented } from './outbound/credential.ts'
import { startDeadline } from './outbound/deadline.ts'
import type { Host } from './outbound/hosts.ts'
import { Place } from './outbound/place.ts'
import type { RouteProtection } from './outbound/protection.ts'
import { isEnded, relay, type Ended, type RelayOutcome } from './outbound/relay.ts'
import type { RetryReason } from './outbound/retry.ts'
import { upstreamTimeout } from './outbound/upstream-errors.ts'
import { callerGone } from './policy/problems.ts'
import { UpstreamRequest, type Visit } from './upstream-request.ts'

/**
 * As `callUpstream`, by way of what protects the upstream: its circuit breaker, the queue for a place, the choice among
 * its hosts, and retries.
 * @throws {Refusal} by its promise, where the caller has no answer yet
 */
export function callProtected (visit: Visit, admitted: Admitted, protection: RouteProtection): Promise<Ended> {
  return new ProtectedCall(visit, admitted, protection).run()
}

class ProtectedCall {
  readonly #visit: Visit
  readonly #admitted: Admitted
  readonly #protection: RouteProtection
  /** performance.now() */
  readonly #endsBy: number
  readonly #tried: Host[] = []
  #tries = 0
  #isRenewed = false

  constructor (visit: Visit, admitted: Admitted, protection: RouteProtection) {
    this.#visit = visit
    this.#admitted = admitted
    this.#protection = protection
    this.#endsBy = performance.now() + protection.upstream.totalTimeout
  }

  async run (): Promise<Ended> {
    const { upstream: { breaker, concurrency }, retry } = this.#protection
    this.#visit.record.upstream = this.#admitted.found.rule.upstream.name
    if (breaker?.refusal !== undefined) throw breaker.refusal
    retry?.requested()
    const presented = await this.#present()
    const hasWaited = await this.#takePlace()
    const place = new Place(concurrency)
    try {
      // Where it waited for its turn, its token may have ended, or was renewed.
      return await this.#answer(place, hasWaited ? await this.#present() : presented)
    } finally {
      place.done()
    }
  }

  async #present (): Promise<Presented> {
    const presented = this.#admitted.found.rule.credential.present()
    return presented instanceof Promise ? await presentedInTime(this.#admitted, presented) : presented
  }

  async #takePlace (): Promise<boolean> {
    const { upstream: { concurrency, queueTimeout } } = this.#protection
    const { incoming: { socket }, record } = this.#visit
    if (concurrency === undefined) return false
    record.queuedMs = 0
    if (concurrency.enter()) return false
    this.#assertCallerIsThere()
    const began = performance.now()
    const waiter = concurrency.join(Math.max(0, Math.min(queueTimeout, this.#endsBy - began)))
    const watcher = { callerGone () { waiter.leave(callerGone()) } }
    watchCaller(socket, watcher)
    try {
      await waiter.turn
    } finally {
      unwatchCaller(socket, watcher)
      record.queuedMs = performance.now() - began
    }
    return true
  }

  async #answer (place: Place, first: Presented): Promise<Ended> {
    for (let presented = first; ;) {
      const outcome = await this.#try(place, presented)
      if (outcome.kind !== 'again' && isEnded(outcome)) return outcome
      if (outcome.kind === 'again') await this.#pause(outcome.pause)
      else presented = await this.#renew(presented, outcome.replayable)
    }
  }

  async #renew (refused: Presented, replayable: boolean): Promise<Presented> {
    if (this.#isRenewed) throw credentialRefused('a new one too')
    this.#isRenewed = true
    // It is no retry: the host did its work.
    this.#tries--
    this.#tried.pop()
    return await renewCredential(this.#visit.record, this.#admitted, refused, replayable)
  }

  async #try (place: Place, presented: Presented): Promise<Exclude<RelayOutcome, { kind: 'declined' }> | Again> {
    const { incoming, response, record } = this.#visit
    this.#assertCallerIsThere()
    if (!this.#hasTime()) throw upstreamTimeout('no time was left of total_timeout')
    const attempt = this.#begin(place)
    record.attempts++
    record.upstreamStatus = undefined
    record.upstreamStarted ??= performance.now()
    try {
      const destination = { dispatcher: attempt.host.pool.dispatcher, endsBy: this.#endsBy, watcher: attempt }
      const outcome = await relay(new UpstreamRequest(this.#visit, this.#admitted, presented, destination), incoming, response)
      // What is left of an answer that nobody gets is a request of the upstream's still.
      if (outcome.kind === 'declined' || outcome.kind === 'credential-refused') await attempt.over()
      if (outcome.kind !== 'declined') return outcome
      record.upstreamStatus = outcome.status
      return this.#again('status')
    } catch (error) {
      const reason = this.#reasonFor(attempt)
      if (reason === undefined) throw error
      return this.#again(reason)
    }
  }

  #begin (place: Place): Attempt {
    const { upstream: { hosts, breaker, ejection } } = this.#protection
    const passage = breaker?.enter()
    const host = hosts.pick(this.#tried)
    this.#tries++
    this.#tried.push(host)
    if (hosts.all.length > 1) this.#visit.record.host = host.origin
    return new Attempt({ host, place, passage, ejection, declines: status => this.#declines(status) })
  }

  #declines (status: number): boolean {
    const { retry } = this.#protection
    return retry?.declines(status, this.#tries, this.#visit.record.method) === true && this.#hasTime() && retry.take()
  }

  #reasonFor (attempt: Attempt): RetryReason | undefined {
    const { upstream: { breaker }, retry } = this.#protection
    // Nothing that relay throws comes before its word to the watcher; what it does not expect must not cost a place.
    if (attempt.end === undefined) attempt.ended({ connected: true, status: undefined, refusal: callerGone(), bodyIsOpen: false, replayable: false })
    const reason = attempt.end === undefined ? undefined : retry?.reasonFor(attempt.end, this.#tries, this.#visit.record.method)
    if (reason === undefined || retry === undefined || breaker?.refusal !== undefined || !this.#hasTime()) return undefined
    return retry.take() ? reason : undefined
  }

  #hasTime (): boolean {
    return performance.now() < this.#endsBy
  }

  #again (reason: RetryReason): Again {
    this.#visit.record.retriedFor(reason)
    return { kind: 'again', pause: this.#protection.retry?.pause(this.#tries) ?? 0 }
  }

  async #pause (ms: number): Promise<void> {
    if (ms < 1) return
    this.#assertCallerIsThere()
    const { incoming: { socket } } = this.#visit
    await new Promise<void>((resolve, reject) => {
      const watcher = {
        callerGone () {
          limit.stop()
          reject(callerGone())
        }
      }
      const limit = startDeadline(ms, () => {
        unwatchCaller(socket, watcher)
        resolve()
      })
      watchCaller(socket, watcher)
    })
  }

  // Where its parser refused the rest of it, it was answered in its place.
  #assertCallerIsThere (): void {
    const { incoming, response } = this.#visit
    if (response.destroyed || response.socket === null || incoming.socket.destroyed) throw callerGone()
  }
}

/** The request failed, and is tried again after so many ms. */
interface Again {
  readonly kind: 'again'
  readonly pause: number
}
