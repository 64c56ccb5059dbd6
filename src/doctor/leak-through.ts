import { randomUUID } from 'node:crypto'
import type { Configuration, Route } from '../config/configuration.ts'
import { compileMatcher } from '../policy/match.ts'
import { Refusal } from '../policy/problems.ts'
import { parseTarget } from '../policy/target.ts'
import { createCanaries, onesOf, survivors, tokenCanaries, type Carrier } from './canaries.ts'
import { connectionFault } from './connection-fault.ts'
import { startEcho, type Echo } from './echo.ts'
import { findingsAbout, type About, type Finding } from './finding.ts'
import { KEPT_REMEDY } from './leak-ledger.ts'
import { ownNames } from './leak.ts'
import { sendRaw, type RawAnswer } from './raw-request.ts'

export interface Through {
  /** of the gateway that runs */
  readonly url: URL
  /** where the echo listens: an upstream of that gateway has this as its url */
  readonly echo: { readonly host: string, readonly port: number }
  /** undefined where the rule is public */
  readonly token: string | undefined
  readonly method: string
  /** path and query */
  readonly target: string
}

/** Sends a request with made-up credentials through a gateway that runs, to an echo where its ERP would be; none may arrive. */
export async function examineLeaksThrough (configuration: Configuration, through: Through): Promise<readonly Finding[]> {
  const about = findingsAbout('leak', `${through.method} ${through.target} through ${through.url.origin}`)
  const echo = await startEcho(through.echo.host, through.echo.port)
  try {
    return await send(about, configuration, through, echo)
  } catch (error) {
    const fault = connectionFault(error, through.url)
    if (fault === undefined) throw error
    return [about.bad(fault.said, fault.remedy)]
  } finally {
    await echo.close()
  }
}

async function send (about: About, configuration: Configuration, through: Through, echo: Echo): Promise<Finding[]> {
  const { url, method, target, token } = through
  const rule = ruleOf(configuration, method, target)
  const canaries = createCanaries(rule === undefined ? { headers: [], query: [] } : ownNames(rule, configuration))
  const ofToken = token === undefined ? [] : tokenCanaries(token)
  const keep = rule?.headers.keep ?? []
  const leaked = new Set<string>()
  const kept = new Set<string>()

  async function exchange ({ headers, query, trailers, canaries: carried }: Carrier): Promise<{ readonly answer: RawAnswer, readonly bytes: string }> {
    echo.taken()
    const credential = token === undefined ? [] : [['Authorization', `Bearer ${token}`] as const]
    const answer = await sendRaw(url, {
      method,
      target: query === undefined ? target : `${target}${target.includes('?') ? '&' : '?'}${query}`,
      headers: [...credential, ...rule?.idempotency === undefined ? [] : [[rule.idempotency.header, randomUUID()] as const], ...headers],
      ...trailers && { trailers }
    })
    const bytes = echo.taken()
    for (const { place, header = '' } of survivors([...carried, ...ofToken], bytes)) {
      const isKept = keep.includes(header.toLowerCase())
      if (isKept) kept.add(header.toLowerCase())
      else leaked.add(place)
    }
    return { answer, bytes }
  }

  const mark = randomUUID()
  const { answer, bytes } = await exchange({ headers: [['X-Countersign-Doctor', mark], ['Connection', 'close']], canaries: [] })
  if (!bytes.includes(mark)) {
    return [about.bad(`a request without any canary did not reach the echo at ${echo.origin}; the answer was ${answer.status}${answer.code === undefined ? '' : ` ${answer.code}`}`, `Give an upstream of that gateway the url ${echo.origin}, and say a --request and a --token that its rule lets pass.`)]
  }
  let requests = 0
  const carriers = (await exchange(canaries.together)).answer.status < 400 ? canaries.apart : [...onesOf(canaries.together), ...canaries.apart]
  for (const carrier of carriers) {
    await exchange(carrier)
    requests++
  }
  const found = [
    ...[...leaked].map(place => about.bad(`LEAK: ${place} of the caller reached the ERP`, 'Is it Countersign that answers there, and nothing beside it that adds or passes headers? Then report it as SECURITY.md says.')),
    ...[...kept].map(header => about.warning(`${header} of the caller reaches the ERP: headers.keep spares it`, KEPT_REMEDY))
  ]
  return [...found, about.good(`${canaries.together.canaries.length + canaries.apart.length} canaries went in ${requests + 1} requests; what is not named here did not reach the ERP`)]
}

// By the files that are here: what their headers.keep spares is no leak.
function ruleOf ({ routes }: Configuration, method: string, target: string): Route | undefined {
  try {
    return compileMatcher(routes).find(method, parseTarget(target).path).rule
  } catch (error) {
    if (error instanceof Refusal) return undefined
    throw error
  }
}
