import { request } from 'undici'
import { readSamples, type Sample } from './metrics-text.ts'
import { findingsAbout, inTime, type Finding } from './finding.ts'

/** A gateway that runs, as its admin port tells of it. */
export interface RunningGateway {
  readonly findings: readonly Finding[]
  /** what has its own line elsewhere; undefined where no gateway answers */
  readonly seen: Seen | undefined
}

export interface Seen {
  /** ms since the epoch; undefined where it does not tell */
  readonly startedAt: number | undefined
  /** names of rules that took a request */
  readonly usedRules: ReadonlySet<string>
}

const MOST_BYTES = 32 * 1024 * 1024

/** Asks the admin port what needs no token: whether it is ready, and its metrics. */
export async function examineRunning (admin: string): Promise<RunningGateway> {
  const about = findingsAbout('running gateway', admin)
  let seen: Seen | undefined
  return { findings: await inTime(about, look()), seen }

  async function look (): Promise<Finding[]> {
    const ready = await get('/readyz')
    const metrics = ready === undefined ? undefined : await get('/metrics')
    const samples = metrics?.status === 200 ? readSamples(metrics.text) : []
    const state = stateIn(ready?.text)
    if (ready === undefined) return [about.warning('no gateway answers here: which rules are never used is not known', 'Start it, or name the admin port of one that runs: --admin http://127.0.0.1:9090.')]
    if (state === undefined || !samples.some(({ name }) => name.startsWith('countersign_'))) return [about.warning('what answers here is no countersign', 'Name the admin port of the gateway: --admin http://127.0.0.1:9090.')]
    const started = samples.find(({ name }) => name === 'process_start_time_seconds')?.value
    seen = { startedAt: started === undefined ? undefined : started * 1000, usedRules: rulesIn(samples) }
    return [stateFinding(state), ...sampleFindings(samples)]
  }

  async function get (path: string): Promise<{ readonly status: number, readonly text: string } | undefined> {
    try {
      const { statusCode: status, body } = await request(new URL(path, admin), { headersTimeout: 5000, bodyTimeout: 5000, signal: AbortSignal.timeout(8000) })
      const chunks: Buffer[] = []
      let size = 0
      for await (const chunk of body as AsyncIterable<Buffer>) {
        size += chunk.length
        if (size > MOST_BYTES) return undefined
        chunks.push(chunk)
      }
      return { status, text: Buffer.concat(chunks).toString() }
    } catch {
      // Whatever it is: nobody is there who would tell.
      return undefined
    }
  }

  function stateFinding ({ status, degraded }: State): Finding {
    if (status === 'ready') return about.good('ready')
    if (status === 'degraded') return about.warning(`serves, but these are not as they should be: ${degraded.join(', ')}`, 'The lines above and its log say why; docs/operations.md says what to do about each.')
    if (status === 'draining') return about.warning('is about to end: it takes no new requests', 'Nothing, where it is being stopped on purpose.')
    return about.bad(`not ready yet${degraded.length === 0 ? '' : `: ${degraded.join(', ')}`}`, 'It waits for the keys of an issuer, and for a credential: the lines above and its log say why.')
  }

  function sampleFindings (samples: readonly Sample[]): Finding[] {
    const where = (name: string, holds: (value: number) => boolean): readonly Sample[] => samples.filter(sample => sample.name === name && holds(sample.value))
    const found: Finding[] = []
    if (where('countersign_config_accepted', value => value === 0).length > 0) found.push(about.bad('the files as it last read them were rejected: requests go by those before', '`countersign check` says what is wrong with them.'))
    const open = where('countersign_upstream_circuit_state', value => value > 0).map(({ labels }) => labels['upstream'] ?? '')
    if (open.length > 0) found.push(about.warning(`the circuit breaker is open: ${open.join(', ')}`, 'The ERP failed again and again: see its log. The gateway tries it again by itself.'))
    if (where('countersign_shed_ratio', value => value > 0).length > 0) found.push(about.warning('overloaded: a share of the requests is turned away', 'Give it more processes or replicas; docs/operations.md says how many.'))
    return found
  }
}

interface State {
  readonly status: string
  readonly degraded: readonly string[]
}

function stateIn (text = ''): State | undefined {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || !('status' in value && 'degraded' in value) || typeof value.status !== 'string' || !Array.isArray(value.degraded)) return undefined
    return { status: value.status, degraded: value.degraded.map(String) }
  } catch {
    return undefined
  }
}

function rulesIn (samples: readonly Sample[]): ReadonlySet<string> {
  return new Set(samples.flatMap(({ name, labels, value }) => name === 'countersign_requests_total' && value > 0 ? labels['rule'] ?? [] : []))
}
