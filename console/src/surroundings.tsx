import type { FetchState, IssuerState, StoreState, Told, UpstreamState } from '../../src/observe/snapshot.ts'
import { Badge, Said, Section, Table, Time, type Standing } from './parts.tsx'
import { percentile } from './series.ts'
import { count, size, span, took } from './words.ts'

/** What the gateway depends on, and the gateway itself. */
export function Surroundings ({ told }: { readonly told: Told }) {
  const { time, issuers, upstreams, store } = told
  const tokens = upstreams.filter(({ credential }) => MACHINE_TOKENS.has(credential.kind))
  return (
    <Section id='surroundings' title='Surroundings'>
      <h3>Issuers</h3>
      <Table
        caption='Issuers'
        rows={issuers}
        keyOf={({ name }) => name}
        empty='No issuer is configured: there are public rules only.'
        columns={[
          { title: 'Issuer', isName: true, cell: ({ name, issuer }) => <>{name}<small><Said>{issuer}</Said></small></> },
          { title: 'Keys', cell: issuer => <Keys issuer={issuer} /> },
          { title: 'Their age', cell: ({ fetchedAt }) => fetchedAt === undefined ? 'never had' : <>{span(time - fetchedAt)} <small>fetched <Time at={fetchedAt} /></small></> },
          { title: 'Fetches', cell: ({ fetches }) => <Fetched fetches={fetches} /> },
          { title: 'Last error', cell: ({ fetches }) => <Failed fetches={fetches} now={time} /> }
        ]}
      />
      <h3>Machine tokens</h3>
      <Table
        caption='Machine tokens, by the upstream that they are for'
        rows={tokens}
        keyOf={({ name }) => name}
        empty='No upstream has a credential that is a token.'
        columns={[
          { title: 'For', isName: true, cell: ({ name, credential }) => <>{name}<small>{credential.kind}</small></> },
          { title: 'State', cell: ({ credential }) => <Badge standing={credential.available ? 'good' : 'bad'}>{credential.endsAt !== undefined ? 'in hand' : credential.available ? 'fetched when wanted' : 'cannot be had'}</Badge> },
          { title: 'Age', cell: ({ credential: { askedAt } }) => askedAt === undefined ? '–' : span(time - askedAt) },
          { title: 'Life left', cell: ({ credential: { askedAt, endsAt } }) => <LifeLeft now={time} begins={askedAt} ends={endsAt} /> },
          { title: 'Fetches', cell: ({ credential: { fetches, shared } }) => <><Fetched fetches={fetches} />{shared > 0 && <small>{count(shared)} had from other replicas</small>}</> },
          { title: 'Last error', cell: ({ credential: { fetches } }) => <Failed fetches={fetches} now={time} /> }
        ]}
      />
      <h3>Upstreams</h3>
      <Table
        caption='Upstreams'
        rows={upstreams}
        keyOf={({ name }) => name}
        empty='No upstream is configured.'
        columns={[
          { title: 'Upstream', isName: true, cell: ({ name, hosts }) => <>{name}{hosts.map(({ origin, ejected, healthy }) => <small key={origin}><Said>{origin}</Said> {!healthy && <Badge standing='bad'>unhealthy</Badge>} {ejected && <Badge standing='warning'>taken out</Badge>}</small>)}</> },
          { title: 'Breaker', cell: upstream => <Breaker upstream={upstream} /> },
          { title: 'In flight', isNumber: true, cell: ({ open }) => count(open) },
          { title: 'Waiting', isNumber: true, cell: ({ queued }) => queued === undefined ? '–' : count(queued) },
          { title: 'Errors', cell: upstream => <Errors told={told} upstream={upstream} /> },
          { title: 'p50', isNumber: true, cell: ({ durations }) => took(percentile(durations, told.bounds, 0.5)) },
          { title: 'p99', isNumber: true, cell: ({ durations }) => took(percentile(durations, told.bounds, 0.99)) }
        ]}
      />
      <h3>Redis</h3>
      {store === undefined ? <p class='empty'>None is configured: each process counts requests and has machine tokens for itself.</p> : <Store store={store} />}
      <h3>This gateway</h3>
      <Gateway told={told} />
    </Section>
  )
}

const MACHINE_TOKENS: ReadonlySet<string> = new Set(['client_credentials', 'client_assertion', 'jwt_bearer'])

function Keys ({ issuer: { keys, usable } }: { readonly issuer: IssuerState }) {
  return <><Badge standing={usable ? 'good' : 'bad'}>{usable ? 'usable' : 'none to be had'}</Badge> {count(keys)}</>
}

function Fetched ({ fetches: { ok, failed } }: { readonly fetches: FetchState }) {
  return <>{count(ok)} good{failed > 0 && <>, {count(failed)} failed</>}</>
}

function Failed ({ fetches: { problem, failedAt }, now }: { readonly fetches: FetchState, readonly now: number }) {
  if (problem === undefined || failedAt === undefined) return <span class='muted'>none</span>
  return <><Said>{problem}</Said><small>{span(now - failedAt)} ago, <Time at={failedAt} /></small></>
}

function LifeLeft ({ now, begins, ends }: { readonly now: number, readonly begins: number | undefined, readonly ends: number | undefined }) {
  if (begins === undefined || ends === undefined) return <>–</>
  const share = Math.max(0, Math.min(1, (ends - now) / (ends - begins)))
  return <>{span(ends - now)} <small>ends <Time at={ends} /></small><span class='bar-box' aria-hidden='true'><span class='bar' style={{ width: `${100 * share}%` }} /></span></>
}

const CIRCUITS: Readonly<Record<NonNullable<UpstreamState['circuit']>, Standing>> = { closed: 'good', 'half-open': 'warning', open: 'bad' }

function Breaker ({ upstream: { circuit, maintenance } }: { readonly upstream: UpstreamState }) {
  return (
    <>
      {circuit === undefined ? <span class='muted'>none</span> : <Badge standing={CIRCUITS[circuit]}>{circuit}</Badge>}
      {maintenance?.endsAt !== undefined && <> <Badge standing='warning'>maintenance</Badge><small>until <Time at={maintenance.endsAt} /></small></>}
    </>
  )
}

// Of the rules that lead there; what the upstream itself answered with 5xx has no code.
function Errors ({ told: { traffic }, upstream: { name } }: { readonly told: Told, readonly upstream: UpstreamState }) {
  const counts = new Map<string, number>()
  for (const { upstream, ends } of traffic) {
    if (upstream !== name) continue
    for (const { code, status, count: ended } of ends) {
      const word = code === '' ? `answered ${status}` : code
      if (code === '' ? status >= 500 : code.startsWith('upstream-')) counts.set(word, (counts.get(word) ?? 0) + ended)
    }
  }
  if (counts.size === 0) return <span class='muted'>none</span>
  return <ul class='plain'>{[...counts].sort(([, one], [, other]) => other - one).map(([word, ended]) => <li key={word}>{word} <b>{count(ended)}</b></li>)}</ul>
}

function Store ({ store: { up, problem, changedAt, operations } }: { readonly store: StoreState }) {
  const byOperation = new Map<string, { readonly outcome: string, readonly count: number }[]>()
  for (const { operation, outcome, count: times } of operations) byOperation.set(operation, [...byOperation.get(operation) ?? [], { outcome, count: times }])
  return (
    <>
      <p><Badge standing={up ? 'good' : 'bad'}>{up ? 'there' : 'away'}</Badge> {changedAt !== undefined && <>since <Time at={changedAt} /></>} {problem !== undefined && <Said>{problem}</Said>}</p>
      <Table
        caption='What was asked of Redis'
        rows={[...byOperation]}
        keyOf={([operation]) => operation}
        empty='Nothing was asked of it.'
        columns={[
          { title: 'Operation', isName: true, cell: ([operation]) => operation },
          { title: 'Outcomes', cell: ([, outcomes]) => outcomes.map(({ outcome, count: times }) => `${outcome} ${count(times)}`).join(', ') }
        ]}
      />
    </>
  )
}

function Gateway ({ told: { time, startedAt, process, configuration } }: { readonly told: Told }) {
  const { rules, routes, adoptedAt, reloads, rejected } = configuration
  return (
    <dl class='facts'>
      <div><dt>Version</dt><dd>{process.version}, Node {process.node}</dd></div>
      <div><dt>Running</dt><dd>{span(time - startedAt)}, since <Time at={startedAt} />{process.count > 1 && <>, {process.count} processes</>}</dd></div>
      <div><dt>Memory</dt><dd>{size(process.memory)}</dd></div>
      <div><dt>CPU</dt><dd>{span(process.cpu * 1000)} since the start</dd></div>
      <div><dt>Tokens remembered</dt><dd>{count(process.knownTokens)}</dd></div>
      <div><dt>Turned away for load</dt><dd>{process.shed === 0 ? 'none' : <Badge standing='bad'>{Math.round(process.shed * 100)} %</Badge>}</dd></div>
      <div><dt>Configuration</dt><dd>{count(routes)} rules, <code>{rules}</code>, in use since <Time at={adoptedAt} /></dd></div>
      <div><dt>Read again</dt><dd>{count(reloads.adopted)} adopted, {count(reloads.unchanged)} unchanged, {count(reloads.rejected)} rejected</dd></div>
      {rejected !== undefined && <div><dt>Rejected</dt><dd><Badge standing='bad'>the files make no gateway</Badge> since <Time at={rejected.since} />: {rejected.mistakes.join(', ') || 'the log says why'}</dd></div>}
    </dl>
  )
}
