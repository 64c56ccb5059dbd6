import { randomUUID } from 'node:crypto'
import { createBuiltInIssuers, type BuiltInIssuers } from '../built-in-issuer/built-in-issuer.ts'
import { within } from '../common/memo.ts'
import type { Configuration, Route } from '../config/configuration.ts'
import { credentialHeaders } from '../config/merge.ts'
import { startLoopbackGateway } from '../loopback-gateway.ts'
import { samplePath, sampleFor } from '../policy/conflicts.ts'
import { METHODS, type Method } from '../policy/pattern.ts'
import { createCanaries, onesOf, survivors, tokenCanaries, type Canaries, type Canary, type Carrier } from './canaries.ts'
import { startEcho, type Echo } from './echo.ts'
import type { Finding } from './finding.ts'
import { LeakLedger } from './leak-ledger.ts'
import { leakScene } from './leak-scene.ts'
import { sendRaw, takesBody, type RawAnswer } from './raw-request.ts'

/**
 * Starts the gateway that the two files describe, on loopback, with an echo in the place of each ERP and issuers that this
 * process plays. Through each rule go requests that it lets pass and that carry made-up credentials wherever one is known to
 * travel; none may arrive. Nothing leaves this machine.
 */
export async function examineLeaks (configuration: Configuration): Promise<readonly Finding[]> {
  const echo = await startEcho('127.0.0.1', 0)
  try {
    const issuers = createBuiltInIssuers(configuration.gateway.issuers, Date.now)
    const scene = leakScene(configuration, echo.origin)
    const gateway = await startLoopbackGateway(scene.configuration, issuers.createClient)
    try {
      const ledger = new LeakLedger()
      const trial = new Trial(new URL(`http://127.0.0.1:${gateway.port}`), echo, ledger, issuers)
      const sample = sampleFor(configuration.routes)
      for (const route of configuration.routes) {
        await trial.rule(route, ownNames(route, configuration), [sample, '1', "'1'"].map(one => samplePath(route.match, one)), route.withoutCredential ? undefined : scene.shown.get(route.upstream))
      }
      return ledger.findings()
    } finally {
      await gateway.close()
    }
  } finally {
    await echo.close()
  }
}

/** What the gateway writes or removes for a rule, beside what it removes always. */
export function ownNames ({ headers, identity, refuse_query: { refused }, upstream }: Route, { gateway }: Configuration): { headers: string[], query: readonly string[] } {
  const of = gateway.upstreams[upstream]
  const names = [...of === undefined ? [] : credentialHeaders(of), ...identity.map(({ header }) => header), ...Object.keys(headers.set), ...headers.remove]
  return { headers: [...new Set(names)], query: refused }
}

/** How a rule lets a request pass. */
interface Pass {
  readonly method: Method
  readonly target: string
  readonly headers: ReadonlyArray<readonly [string, string]>
  /** what of it must not arrive */
  readonly canaries: readonly Canary[]
}

class Trial {
  readonly #gateway: URL
  readonly #echo: Echo
  readonly #ledger: LeakLedger
  readonly #tokens: (issuer: string, kind: 'user' | 'client') => string | undefined
  /** rules that do the same with what a request carries: the ways in which it may be refused are tried once for them */
  readonly #triedApart = new Set<string>()
  readonly #canaries = new Map<string, Canaries>()

  constructor (gateway: URL, echo: Echo, ledger: LeakLedger, issuers: BuiltInIssuers) {
    this.#gateway = gateway
    this.#echo = echo
    this.#ledger = ledger
    const tokens = new Map<string, string>()
    this.#tokens = (name, kind) => {
      const issuer = issuers.byName.get(name)
      const key = `${kind} ${name}`
      const known = tokens.get(key) ?? issuer?.sign(issuer.draft(kind, { lifetime: 3600 }))
      if (known !== undefined) tokens.set(key, known)
      return known
    }
  }

  /** @param shown what the echo gets of the gateway's own credential; undefined where that is nothing */
  async rule (route: Route, names: ReturnType<typeof ownNames>, targets: readonly string[], shown: string | undefined): Promise<void> {
    const canaries = within(this.#canaries, JSON.stringify(names), () => createCanaries(names))
    for (const method of methodsOf(route)) {
      const pass = await this.#passing(route, method, targets, shown)
      if (pass === undefined) continue
      await this.#together(route, pass, canaries.together)
      const key = JSON.stringify([names, route.headers, route.require === 'public', route.idempotency, takesBody(method)])
      if (this.#triedApart.has(key)) continue
      this.#triedApart.add(key)
      for (const carrier of canaries.apart) await this.#send(route, pass, carrier)
    }
  }

  // Without a canary first: what does not arrive by itself would prove nothing by not arriving with one.
  async #passing (route: Route, method: Method, targets: readonly string[], shown: string | undefined): Promise<Pass | undefined> {
    let last: RawAnswer = { status: 0, code: undefined }
    for (const [target, credential] of targets.flatMap(one => this.#credentials(route).map(other => [one, other] as const))) {
      const pass = { ...credential, method, target }
      const { answer, bytes } = await this.#exchange(route, pass, NOTHING)
      if (answer.status === 200 && bytes !== '' && (shown === undefined || bytes.includes(shown))) return pass
      last = answer
    }
    this.#ledger.untried(route, method, last)
    return undefined
  }

  #credentials (route: Route): Array<Pick<Pass, 'headers' | 'canaries'>> {
    if (route.require === 'public') {
      const canary: Canary = { place: 'Authorization of a public rule', value: randomUUID().replaceAll('-', '') }
      return [{ headers: [['Authorization', `Bearer ${canary.value}`]], canaries: [canary] }]
    }
    return (['user', 'client'] as const).flatMap(kind => {
      const token = this.#tokens(route.issuers[0] ?? '', kind)
      return token === undefined ? [] : [{ headers: [['Authorization', `Bearer ${token}`]], canaries: tokenCanaries(token) }]
    })
  }

  async #together (route: Route, pass: Pass, carrier: Carrier): Promise<void> {
    if (await this.#send(route, pass, carrier) === 200) return
    // One of them is refused here, or all are too many: each by itself, then.
    for (const one of onesOf(carrier)) await this.#send(route, pass, one)
  }

  async #send (route: Route, pass: Pass, carrier: Carrier): Promise<number> {
    const { answer, bytes } = await this.#exchange(route, pass, carrier)
    this.#ledger.sent(route, answer, carrier.canaries.length)
    for (const canary of survivors([...carrier.canaries, ...pass.canaries], bytes)) this.#ledger.survived(route, canary)
    return answer.status
  }

  async #exchange ({ idempotency }: Route, { method, target, headers }: Pass, carrier: Carrier): Promise<{ readonly answer: RawAnswer, readonly bytes: string }> {
    this.#echo.taken()
    const key = idempotency === undefined ? [] : [[idempotency.header, randomUUID()] as const]
    const answer = await sendRaw(this.#gateway, {
      method,
      target: carrier.query === undefined ? target : `${target}?${carrier.query}`,
      headers: [...headers, ...key, ...carrier.headers],
      ...carrier.trailers && { trailers: carrier.trailers }
    })
    return { answer, bytes: this.#echo.taken() }
  }
}

const NOTHING: Carrier = { headers: [['Connection', 'close']], canaries: [] }

// HEAD goes as GET does, and its answer has no end by which a raw client could tell it from others.
function methodsOf ({ match }: Route): readonly Method[] {
  const methods = match.any ? METHODS : match.methods
  const others = methods.filter(method => method !== 'HEAD')
  return others.length > 0 ? others : methods
}
