import type { Route } from '../config/configuration.ts'
import type { Canary } from './canaries.ts'
import { findingsAbout, type Finding } from './finding.ts'
import type { RawAnswer } from './raw-request.ts'

/** Rules that are named in one line; nobody reads thousands. */
const MOST_NAMED = 10

export const KEPT_REMEDY = 'Nothing, where the ERP is meant to have it; else take it out of headers.keep.'

/** What was sent with canaries, and what became of them. */
export class LeakLedger {
  readonly #rules = new Set<Route>()
  readonly #leaked = new Map<string, Set<Route>>()
  readonly #kept = new Map<string, Set<Route>>()
  readonly #untried: Array<{ readonly route: Route, readonly said: string }> = []
  #requests = 0
  #canaries = 0
  #refused = 0

  sent (route: Route, { status }: RawAnswer, canaries: number): void {
    this.#rules.add(route)
    this.#requests++
    this.#canaries += canaries
    if (status >= 400) this.#refused++
  }

  survived (route: Route, { place, header }: Canary): void {
    // What the operator spares by name arrives, and is meant to.
    const kept = header !== undefined && route.headers.keep.includes(header.toLowerCase())
    const [book, name] = kept ? [this.#kept, header.toLowerCase()] : [this.#leaked, place]
    const rules = book.get(name) ?? new Set()
    book.set(name, rules.add(route))
  }

  untried (route: Route, method: string, { status, code }: RawAnswer): void {
    this.#untried.push({ route, said: `${method}: a request without any canary ${status === 0 ? 'had no answer' : `was answered ${status}${code === undefined ? '' : ` ${code}`}`}` })
  }

  findings (): Finding[] {
    return [
      ...[...this.#leaked].map(([place, rules]) => findingsAbout('leak', named(rules)).bad(`LEAK: ${place} of the caller reached the ERP`, 'Put it out of service, and report it as SECURITY.md says.')),
      ...[...this.#kept].map(([header, rules]) => findingsAbout('leak', named(rules)).warning(`${header} of the caller reaches the ERP: headers.keep spares it`, KEPT_REMEDY)),
      ...this.#untried.map(({ route, said }) => findingsAbout('leak', `${route.name} (${route.at})`).warning(`was not tried: ${said}`, 'Send a request of its through a gateway that runs: --through.')),
      ...this.#rules.size === 0 ? [] : [findingsAbout('leak', 'all').good(`${this.#canaries} canaries went in ${this.#requests} requests through ${this.#rules.size} ${this.#rules.size === 1 ? 'rule' : 'rules'} (${this.#refused} were refused, as they should); what is not named here did not reach the ERP`)]
    ]
  }
}

function named (rules: ReadonlySet<Route>): string {
  const all = [...rules].map(({ name, at }) => `${name} (${at})`)
  return `${all.slice(0, MOST_NAMED).join(', ')}${all.length > MOST_NAMED ? ', …' : ''}`
}
