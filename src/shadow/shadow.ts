import { resolve } from 'node:path'
import type { Logger } from 'pino'
import { isoTime } from '../common/dates.ts'
import type { Visit } from '../calling/upstream-request.ts'
import type { Configuration } from '../config/configuration.ts'
import { fingerprint } from '../config/fingerprint.ts'
import { loadConfiguration } from '../config/load.ts'
import type { Mistake } from '../config/mistakes.ts'
import { watchFiles } from '../config/watch.ts'
import { compilePolicy } from '../file-world.ts'
import type { Generation } from '../generation.ts'
import { targetOf } from '../journey.ts'
import { ShadowTally, type ShadowOutcome, type ShadowReport } from '../observe/shadow-tally.ts'
import { createComparison, wasDecided, type Comparison } from './comparison.ts'
import { verdictOf, type OtherRules, type Verdict } from './verdict.ts'

/** Another routes.yaml that is tried out: what it would say of each request is counted, and no request feels it. */
export interface Shadow {
  /** A request was decided. Never throws. */
  saw (generation: Generation, visit: Visit): void
  report (): ShadowReport
  /** Reads the file again, after the reading that is under way; `anew`: and begins to count anew. Never rejects. */
  reload (anew?: boolean): Promise<void>
  close (): void
}

export interface ShadowParts {
  /** gateway.yaml and the other routes.yaml, as they were loaded */
  readonly configuration: Configuration
  readonly env: NodeJS.ProcessEnv
  /** ms since the epoch */
  readonly now: () => number
  readonly log: Logger
  readonly onOutcome: (outcome: ShadowOutcome) => void
}

/** What is counted of one pair of policies. */
interface Trial {
  readonly rules: OtherRules
  readonly tally: ShadowTally
  readonly compare: Comparison
}

/** Requests whose token is being verified for the other rules alone; past these it is not asked. */
const MOST_PENDING = 1000
/** ms between two lines about what failed */
const TELL_EVERY = 60_000
/** Of mistakes no more are told. */
const MOST_TOLD = 50

export async function startShadow ({ configuration, env, now, log, onOutcome }: ShadowParts): Promise<Shadow> {
  const { files } = configuration
  let trial: Trial | undefined = begin(configuration)
  let told = { ...trial.tally.told(), since: isoTime(now()) }
  let mistakes: readonly string[] = []
  let underWay: Promise<void> = Promise.resolve()
  let closed = false
  let pending = 0
  let toldFailure = -Infinity
  const watch = watchFiles(() => { void reload() })

  function begin (next: Configuration): Trial {
    return { rules: { configuration: next, ...compilePolicy(next) }, tally: new ShadowTally(), compare: createComparison() }
  }

  function saw (generation: Generation, visit: Visit): void {
    if (trial === undefined || !wasDecided(visit)) return
    const current = trial
    try {
      const verdict = verdictOf(current.rules, generation.stages, visit)
      if (verdict instanceof Promise) waitFor(verdict, current, generation, visit)
      else count(current, generation, visit, verdict)
    } catch (error) {
      fail(current, error)
    }
  }

  function waitFor (verdict: Promise<Verdict>, current: Trial, generation: Generation, visit: Visit): void {
    // Whatever it comes to, nobody waits for it.
    if (pending >= MOST_PENDING) {
      verdict.catch(() => {})
      outcomeIs(current, 'undecided')
      return
    }
    pending++
    verdict
      .then(late => { count(current, generation, visit, late) })
      .catch((error: unknown) => { fail(current, error) })
      .finally(() => { pending-- })
  }

  function count (current: Trial, generation: Generation, visit: Visit, verdict: Verdict): void {
    const difference = current.compare(generation.configuration, visit, verdict)
    if (typeof difference === 'string') {
      outcomeIs(current, difference)
      return
    }
    const { record: { method, decisionId: decision } } = visit
    const [path = ''] = targetOf(visit).split('?', 1)
    onOutcome(difference.outcome)
    const isFirst = current.tally.add(difference, { method, path: path.slice(0, 500), decision, time: isoTime(now()) })
    const { outcome, before, now: next, client, keys } = difference
    if (isFirst) log.info({ outcome, decision, at: next.rule?.at, before: before.code, code: next.code, client, ...keys.length > 0 && { keys } }, 'other routes would change this')
  }

  function outcomeIs ({ tally }: Trial, outcome: 'same' | 'undecided' | 'failed'): void {
    tally.count(outcome)
    onOutcome(outcome)
  }

  // A failure of the trial is nobody's but the trial's.
  function fail (current: Trial, error: unknown): void {
    outcomeIs(current, 'failed')
    if (performance.now() < toldFailure + TELL_EVERY) return
    toldFailure = performance.now()
    log.error({ shadow: files.routes, problem: error instanceof Error ? error.stack : String(error) }, 'other routes could not be asked about a request')
  }

  async function readAgain (anew: boolean): Promise<void> {
    if (closed) return
    await watch.look([resolve(files.routes)])
    const loaded = await loadConfiguration(files, env, { now: now() })
    if (closed) return
    if (loaded.configuration === undefined) mistaken(loaded.mistakes)
    else if (anew || trial === undefined || fingerprint(trial.rules.configuration.routes) !== fingerprint(loaded.configuration.routes)) put(loaded.configuration)
  }

  // Mistakes of gateway.yaml are told elsewhere, and may show in the routes too: what was read before goes on, here as there.
  function mistaken (found: readonly Mistake[]): void {
    const errors = found.filter(({ severity }) => severity === 'error')
    if (trial === undefined || errors.every(({ file }) => file !== files.config)) reject(errors)
  }

  function put (next: Configuration): void {
    const begun = begin(next)
    conclude()
    trial = begun
    mistakes = []
    told = { ...begun.tally.told(), since: isoTime(now()) }
    log.info({ shadow: files.routes, routes: next.routes.length }, 'other routes are tried out')
  }

  function reject (found: readonly Mistake[]): void {
    const errors = found.slice(0, MOST_TOLD)
    conclude()
    trial = undefined
    mistakes = errors.map(({ file, line, column }) => `${file}:${line}:${column}`)
    for (const { file, line, column, message } of errors) log.error({ at: `${file}:${line}:${column}` }, message)
    log.error({ shadow: files.routes, mistakes: mistakes.length }, 'other routes are not tried out: their file has mistakes')
  }

  /** The last word about what was counted so far. */
  function conclude (): void {
    if (trial === undefined) return
    told = { ...told, ...trial.tally.told() }
    const { requests, outcomes, since } = told
    if (requests > 0) log.info({ shadow: files.routes, since, requests, ...outcomes }, 'what other routes would have changed')
  }

  function reload (anew = false): Promise<void> {
    underWay = underWay.then(async () => { await readAgain(anew) }).catch((error: unknown) => {
      log.error({ problem: error instanceof Error ? error.stack : String(error) }, 'reading other routes failed')
      reject([])
    })
    return underWay
  }

  await watch.look([resolve(files.routes)])
  log.info({ shadow: files.routes, routes: configuration.routes.length }, 'other routes are tried out')
  return {
    saw,
    report: () => ({ file: files.routes, compares: trial !== undefined, mistakes, ...told, ...trial?.tally.told() }),
    reload,
    close () {
      closed = true
      watch.close()
      conclude()
      trial = undefined
    }
  }
}
