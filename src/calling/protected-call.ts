import type { Admitted } from '../journey.ts'
import { Attempt } from '../outbound/attempt.ts'
import { unwatchCaller, watchCaller, whileCallerWaits } from '../outbound/caller-gone.ts'
import type { Presented } from '../outbound/credential.ts'
import { startDeadline } from '../outbound/deadline.ts'
import type { Host } from '../outbound/hosts.ts'
import { Place } from '../outbound/place.ts'
import type { RouteProtection } from '../outbound/protection.ts'
import type { AttemptEnd, Ended, RelayOutcome } from '../outbound/relay.ts'
import type { RetryReason } from '../outbound/retry.ts'
import { upstreamTimeout } from '../outbound/upstream-errors.ts'
import { verdictOf } from '../outbound/verdict.ts'
import { callerGone, Refusal } from '../policy/problems.ts'
import { credentialRefused, presentedInTime, renewCredential } from './credential-renewal.ts'
import { CsrfCall } from './csrf-call.ts'
import { relayTraced } from './traced-relay.ts'
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
  readonly #csrf: CsrfCall | undefined
  #tries = 0
  #isRenewed = false
  /** the host that the next try goes to, where it is settled */
  #next: Host | undefined

  constructor (visit: Visit, admitted: Admitted, protection: RouteProtection) {
    this.#visit = visit
    this.#admitted = admitted
    this.#protection = protection
    this.#endsBy = performance.now() + protection.upstream.totalTimeout
    const { sessions, upstream } = protection
    this.#csrf = sessions && new CsrfCall(sessions, visit.record.method, admitted, upstream)
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
      const host = this.#pick()
      const entered = this.#csrf === undefined ? 'at once' : await this.#enter(this.#csrf, host, place, presented)
      // Where it waited, its token may have been renewed, for this very reason.
      if (entered === 'late') presented = await this.#present()
      const outcome = typeof entered === 'object' ? entered : await this.#try(host, place, presented)
      switch (outcome.kind) {
        case 'again': await this.#pause(outcome.pause); break
        case 'credential-refused': presented = await this.#renew(presented, outcome.replayable); break
        case 'session-refused': this.#repeat(outcome.replayable); break
        default: return outcome
      }
    }
  }

  #pick (): Host {
    const { hosts } = this.#protection.upstream
    let host = this.#next ?? hosts.pick(this.#tried)
    this.#next = undefined
    for (let others = hosts.all.length - 1; others > 0 && this.#csrf?.passesOver(host) === true; others--) {
      this.#tried.push(host)
      host = hosts.pick(this.#tried)
    }
    this.#tries++
    this.#tried.push(host)
    if (hosts.all.length > 1) this.#visit.record.host = host.origin
    return host
  }

  async #enter (csrf: CsrfCall, host: Host, place: Place, presented: Presented): Promise<'at once' | 'late' | Again> {
    this.#assertCallerIsThere()
    if (!this.#hasTime()) throw timeIsUp()
    try {
      const session = csrf.enter(host, place, presented)
      if (session === undefined) return 'at once'
      await whileCallerWaits(this.#visit.incoming.socket, session, this.#endsBy - performance.now(), timeIsUp)
      return 'late'
    } catch (error) {
      // Nothing was sent: as where there was no connection.
      const hasFailed = error instanceof Refusal && verdictOf({ connected: false, status: undefined, refusal: error, bodyIsOpen: false }) === 'failed'
      const reason = hasFailed ? this.#takeRetry({ connected: false, status: undefined, refusal: error, replayable: true }) : undefined
      if (reason === undefined) throw error
      return this.#again(reason)
    }
  }

  #repeat (replayable: boolean): void {
    const { record } = this.#visit
    record.upstreamEnded = performance.now()
    record.upstreamStatus = 403
    this.#csrf?.repeat(replayable)
    record.upstreamEnded = undefined
    // It is no retry: the host did its work, and the session is its own.
    this.#tries--
    this.#next = this.#tried.pop()
    record.retriedFor('csrf')
  }

  async #renew (refused: Presented, replayable: boolean): Promise<Presented> {
    if (this.#isRenewed) throw credentialRefused('a new one too')
    this.#isRenewed = true
    // It is no retry: the host did its work.
    this.#tries--
    this.#tried.pop()
    return await renewCredential(this.#visit.record, this.#admitted, refused, replayable)
  }

  async #try (host: Host, place: Place, presented: Presented): Promise<Exclude<RelayOutcome, { kind: 'declined' }> | SessionRefused | Again> {
    const { incoming, response, record } = this.#visit
    this.#assertCallerIsThere()
    if (!this.#hasTime()) throw timeIsUp()
    const attempt = this.#begin(host, place)
    record.attempts++
    record.upstreamStatus = undefined
    record.upstreamStarted ??= performance.now()
    try {
      const destination = { dispatcher: attempt.host.pool.dispatcher, origin: attempt.host.origin, endsBy: this.#endsBy, watcher: attempt }
      const shown = this.#csrf === undefined ? presented : this.#csrf.show(presented)
      const outcome = await relayTraced(new UpstreamRequest(this.#visit, this.#admitted, shown, destination), incoming, response)
      // What is left of an answer that nobody gets is a request of the upstream's still.
      if (outcome.kind === 'declined' || outcome.kind === 'credential-refused') await attempt.over()
      if (outcome.kind === 'credential-refused') this.#csrf?.credentialRefused()
      if (outcome.kind !== 'declined') return outcome
      if (this.#csrf?.wasRefused === true) return { kind: 'session-refused', replayable: attempt.end?.replayable === true }
      record.upstreamStatus = outcome.status
      return this.#again('status')
    } catch (error) {
      const reason = this.#reasonFor(attempt)
      if (reason === undefined) throw error
      return this.#again(reason)
    }
  }

  #begin (host: Host, place: Place): Attempt {
    const { upstream: { breaker, ejection } } = this.#protection
    return new Attempt({ host, place, passage: breaker?.enter(), ejection, session: this.#csrf, declines: status => this.#declines(status) })
  }

  #declines (status: number): boolean {
    const { retry } = this.#protection
    return retry?.declines(status, this.#tries, this.#visit.record.method) === true && this.#hasTime() && retry.take()
  }

  #reasonFor (attempt: Attempt): RetryReason | undefined {
    // Nothing that relay throws comes before its word to the watcher; what it does not expect must not cost a place.
    if (attempt.end === undefined) attempt.ended({ connected: true, status: undefined, refusal: callerGone(), bodyIsOpen: false, replayable: false })
    return attempt.end === undefined ? undefined : this.#takeRetry(attempt.end)
  }

  #takeRetry (end: Omit<AttemptEnd, 'bodyIsOpen'>): RetryReason | undefined {
    const { upstream: { breaker }, retry } = this.#protection
    const reason = retry?.reasonFor(end, this.#tries, this.#visit.record.method)
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

/** The session that it went in was refused, before anything was sent to the caller. */
interface SessionRefused {
  readonly kind: 'session-refused'
  readonly replayable: boolean
}

/** The request failed, and is tried again after so many ms. */
interface Again {
  readonly kind: 'again'
  readonly pause: number
}

function timeIsUp (): Refusal {
  return upstreamTimeout('no time was left of total_timeout')
}
