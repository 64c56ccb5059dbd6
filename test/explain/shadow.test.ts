import t from 'tap'
import { pino } from 'pino'
import type { Visit } from '../../src/calling/upstream-request.ts'
import { loadConfiguration } from '../../src/config/load.ts'
import type { Generation } from '../../src/generation.ts'
import { AuditRecord } from '../../src/observe/audit.ts'
import { mergeShadowReports, SHADOW_OUTCOMES, ShadowTally, type ShadowKind, type ShadowOutcome, type ShadowReport } from '../../src/observe/shadow-tally.ts'
import { startShadow } from '../../src/shadow/shadow.ts'
import { collectLog } from '../support/gateway-log.ts'
import { writeFiles } from '../support/settings.ts'

const kindOf = (client: string, outcome: ShadowKind['outcome'] = 'now_refused'): ShadowKind => ({ outcome, before: { rule: { id: 'a', at: 'routes.yaml:2' }, code: undefined }, now: { rule: { id: 'a', at: 'next.yaml:2' }, code: 'scope-missing' }, client, issuer: 'main', keys: [] })
const example = (at: number) => ({ method: 'GET', path: `/a/${at}`, decision: String(at), time: new Date(at).toISOString() })
const reportOf = (tally: ShadowTally, since = 0): ShadowReport => ({ file: 'next.yaml', compares: true, mistakes: [], since: new Date(since).toISOString(), ...tally.told() })

t.test('five hundred kinds of differences are listed; what comes after is counted', async t => {
  const tally = new ShadowTally()
  for (let at = 0; at < 10_000; at++) tally.add(kindOf(`client-${at}`), example(at))
  t.equal(tally.add(kindOf('client-7'), example(10_000)), false)
  tally.count('same')
  tally.count('undecided')
  const { requests, differences, others, outcomes } = tally.told()
  t.same([requests, differences.length, others, outcomes.now_refused, outcomes.undecided], [10_002, 500, 9500, 10_001, 1])
  t.match(differences[0], { client: 'client-7', count: 2, last: { path: '/a/10000' } }, 'the most frequent first, with the last of them')
})

t.test('what several processes count is told as one', async t => {
  const [one, other] = [new ShadowTally(), new ShadowTally()]
  for (let at = 0; at < 300; at++) one.add(kindOf(`one-${at}`), example(at))
  for (let at = 0; at < 300; at++) other.add(kindOf(`other-${at}`), example(at))
  for (const tally of [one, other, other]) tally.add(kindOf('both'), example(tally === one ? 1000 : 999))
  one.add(kindOf('both', 'now_passed'), example(1))
  const merged = mergeShadowReports([reportOf(one, 5000), { ...reportOf(other, 4000), compares: false, mistakes: ['next.yaml:3:1'] }])
  t.match(merged, { compares: false, mistakes: ['next.yaml:3:1'], since: new Date(4000).toISOString(), requests: 604, outcomes: { now_refused: 603, now_passed: 1 }, others: 102 })
  t.equal(merged?.differences.length, 500)
  t.match(merged?.differences[0], { client: 'both', outcome: 'now_refused', count: 3, last: { decision: '1000' } })
  t.equal(mergeShadowReports([]), undefined)
})

t.test('what fails while other rules are asked is counted, and told once a minute; whoever calls hears nothing', async t => {
  const { config, routes } = await writeFiles(t, { gateway: { issuers: { main: { issuer: 'https://idp.example.com', audience: 'a' } }, upstreams: { erp: { url: 'https://erp.example.com', credential: 'none' } } }, routes: [{ match: 'GET /a', require: 'user' }] })
  const { configuration } = await loadConfiguration({ config, routes }, {})
  if (configuration === undefined) throw new Error('it is well-formed')
  const log = collectLog(t)
  const outcomes: ShadowOutcome[] = []
  const shadow = await startShadow({ configuration, env: {}, now: Date.now, log: pino({}, log.stream), onOutcome: outcome => { outcomes.push(outcome) } })
  t.teardown(() => { shadow.close() })
  // A request as broken as no request is.
  const incoming = { get rawHeaders (): never { throw new RangeError('broken') }, httpVersion: '1.1', method: 'GET', url: '/a' }
  const record = new AuditRecord('1', 'GET')
  record.granted = true
  const visit = { incoming, framed: undefined, record, batch: undefined } as unknown as Visit
  const generation = { configuration, stages: {} } as unknown as Generation
  for (let at = 0; at < 3; at++) t.doesNotThrow(() => { shadow.saw(generation, visit) })
  t.same(outcomes, ['failed', 'failed', 'failed'])
  t.match(shadow.report(), { requests: 0, outcomes: { failed: 3 } })
  t.equal(log.lines().filter(({ msg }) => msg === 'other routes could not be asked about a request').length, 1)
  t.same(Object.keys(shadow.report().outcomes).sort(), [...SHADOW_OUTCOMES].sort())
})
