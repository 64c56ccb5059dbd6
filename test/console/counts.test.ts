import t from 'tap'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { merged, percentile, pointBetween, pointsOf } from '../../console/src/series.ts'
import type { Configuration } from '../../src/config/configuration.ts'
import { combineSnapshots, combineTotals } from '../../src/observe/combined.ts'
import { PastRefusals } from '../../src/observe/decisions.ts'
import { Ring } from '../../src/common/ring.ts'
import { outcomeOf } from '../../src/observe/outcome.ts'
import type { Sample, Snapshot } from '../../src/observe/snapshot.ts'
import { PROBLEMS, refuse } from '../../src/policy/problems.ts'

const sample = (time: number, answered: number, durations = [answered, 0, 0]): Sample => ({ time, outcomes: { answered, refused: 0, left: 0, upstream: 0, gateway: 0 }, durations })

t.test('between two samples stand rates per second; a count that fell was begun anew, and draws nothing', async t => {
  t.match(pointBetween(sample(1000, 10), sample(3000, 30)), { time: 3000, rates: { answered: 10, refused: 0 }, durations: [20, 0, 0] })
  t.match(pointBetween(sample(1000, 10), sample(3000, 4)), { rates: undefined, durations: [0, 0, 0] })
  t.match(pointBetween(sample(1000, 10), sample(61_000, 20)), { rates: undefined }, 'nobody knows when it was, in a minute')
  t.match(pointBetween(sample(1000, 10), sample(1000, 20)), { rates: undefined })
  t.equal(pointsOf([sample(1, 1)]).length, 0)
  t.same(pointsOf([sample(0, 0), sample(1000, 5), sample(2000, 5)]).map(({ rates }) => rates?.answered), [5, 0])
})

t.test('samples of the page and of the gateway are one row, by time, and no longer than what is shown', async t => {
  const times = merged([sample(1000, 1), sample(3000, 3)], [sample(2000, 2), sample(3000, 3), sample(20_000, 9)], 18_000).map(({ time }) => time)
  t.same(times, [2000, 3000, 20_000])
  t.same(merged([sample(1000, 1), sample(5000, 3)], [sample(5200, 4)], 18_000).map(({ time }) => time), [1000, 5200], 'and no two stand so close that a rate between them is chance')
})

t.test('a percentile lies where the counts say, and where there are none it is not known', async t => {
  const bounds = [0.1, 1]
  t.equal(percentile([0, 0, 0], bounds, 0.5), undefined)
  t.equal(percentile([100, 0, 0], bounds, 0.5), 0.05)
  t.equal(percentile([50, 50, 0], bounds, 0.5), 0.1)
  t.equal(percentile([50, 50, 0], bounds, 0.75), 0.1 + 0.9 / 2)
  t.equal(percentile([0, 0, 5], bounds, 0.99), 1, 'beyond the highest bound it is at least that')
})

t.test('each end of a request has somebody who looks into it', async t => {
  t.equal(outcomeOf('', 200), 'answered')
  t.equal(outcomeOf('', 404), 'answered')
  t.equal(outcomeOf('', 500), 'upstream')
  for (const [code, { status }] of Object.entries(PROBLEMS)) {
    const wanted = code === 'client-gone' ? 'left' : code.startsWith('upstream-') ? 'upstream' : status >= 500 ? 'gateway' : 'refused'
    t.equal(outcomeOf(code, status), wanted, code)
  }
})

t.test('a hundred thousand refusals with long paths take the memory of the last thousand', async t => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const used = (): number => {
    collect()
    return process.memoryUsage().heapUsed
  }
  const refusals = new PastRefusals(1000)
  // What is kept is the configuration that decided, by reference.
  const configuration = {} as Configuration
  const keep = (times: number): void => {
    for (let at = 0; at < times; at++) {
      const client = `client-${at}`
      refusals.keep({ decision: String(at), method: 'GET', target: Buffer.alloc(16 * 1024, 'x').toString(), rule: undefined, principal: { tokenKind: 'access', kind: 'client', issuer: 'main', subject: undefined, client, scopes: [], permissions: [], roles: [], evidence: [], claims: {} } as never, refusal: refuse('scope-missing', 'x'.repeat(100)), letThrough: false, configuration })
    }
  }
  const before = used()
  keep(100_000)
  const after = used()
  t.ok(after - before < 4 * 1024 * 1024, `${after - before} bytes more`)
  t.equal(refusals.latest(1_000_000).length, 1000)
  t.same([refusals.latest(1)[0]?.decision, refusals.latest(1000).at(-1)?.decision], ['99999', '99000'])
  t.equal(refusals.find('98999'), undefined)
  const groups = refusals.groups()
  t.match(groups, { remembered: 1000, since: Number, code: [{ name: 'scope-missing', count: 1000, decision: '99999' }] })
  t.equal(groups.client.length, 50, 'and a thousand clients are told as fifty')
})

t.test('what was before is kept for ten minutes, however long it runs', async t => {
  const history = new Ring<Sample>(120)
  for (let at = 0; at < 10_000; at++) history.keep(sample(at, at))
  t.same([history.inOrder().length, history.inOrder()[0]?.time, history.inOrder().at(-1)?.time], [120, 9880, 9999])
})

t.test('several processes are told as one: what is counted together, what is a state by the worst', async t => {
  const fetches = { ok: 1, failed: 0, lastAt: 5, problem: undefined, failedAt: undefined }
  const one: Snapshot = {
    time: 10,
    startedAt: 3,
    process: { version: '1', node: '20', count: 1, cpu: 1, memory: 100, inFlight: 1, knownTokens: 2, shed: 0 },
    configuration: { rules: 'abc', routes: 1, adoptedAt: 1, reloads: { adopted: 0, unchanged: 0, rejected: 0 } },
    traffic: [{ rule: 'a', upstream: 'erp', ends: [{ code: '', status: 200, count: 3 }], durations: [3, 0] }],
    totals: { outcomes: { answered: 3, refused: 0, left: 0, upstream: 0, gateway: 0 }, durations: [3, 0] },
    bounds: [1],
    refusals: { remembered: 1, since: 7, code: [{ name: 'x', count: 1, decision: 'd1', time: 7 }], rule: [], client: [] },
    issuers: [{ name: 'main', issuer: 'i', keys: 2, usable: true, fetchedAt: 5, fetches }],
    upstreams: [{ name: 'erp', hosts: [{ origin: 'o', ejected: false, healthy: true }], open: 1, queued: 1, circuit: 'closed', maintenance: undefined, sessions: 1, durations: [1, 0], credential: { kind: 'client_credentials', available: true, askedAt: 1, endsAt: 100, fetches, shared: 0 } }],
    store: { up: true, problem: undefined, changedAt: 1, operations: [{ operation: 'count', outcome: 'ok', count: 2 }] }
  }
  const other: Snapshot = {
    ...one,
    startedAt: 2,
    traffic: [{ rule: 'a', upstream: 'erp', ends: [{ code: '', status: 200, count: 1 }, { code: 'x', status: 403, count: 1 }], durations: [1, 1] }, { rule: 'b', upstream: 'erp', ends: [], durations: [0, 0] }],
    totals: { outcomes: { answered: 1, refused: 1, left: 0, upstream: 0, gateway: 0 }, durations: [1, 1] },
    refusals: { remembered: 2, since: 4, code: [{ name: 'x', count: 2, decision: 'd2', time: 9 }], rule: [], client: [] },
    issuers: [{ name: 'main', issuer: 'i', keys: 1, usable: false, fetchedAt: undefined, fetches: { ok: 0, failed: 1, lastAt: 6, problem: 'no', failedAt: 6 } }],
    upstreams: [{ name: 'erp', hosts: [{ origin: 'o', ejected: true, healthy: true }], open: 2, queued: 0, circuit: 'open', maintenance: undefined, sessions: 2, durations: [0, 2], credential: { kind: 'client_credentials', available: true, askedAt: 0, endsAt: 50, fetches, shared: 1 } }],
    store: { up: false, problem: 'gone', changedAt: 8, operations: [{ operation: 'count', outcome: 'ok', count: 1 }] }
  }
  t.match(combineSnapshots([one, other]), {
    startedAt: 2,
    process: { count: 2, cpu: 2, memory: 200, inFlight: 2, knownTokens: 4 },
    traffic: [{ rule: 'a', ends: [{ code: '', status: 200, count: 4 }, { code: 'x', status: 403, count: 1 }], durations: [4, 1] }, { rule: 'b' }],
    totals: { outcomes: { answered: 4, refused: 1 }, durations: [4, 1] },
    refusals: { remembered: 3, since: 4, code: [{ name: 'x', count: 3, decision: 'd2' }] },
    issuers: [{ keys: 1, usable: false, fetchedAt: undefined, fetches: { ok: 1, failed: 1, lastAt: 6, problem: 'no' } }],
    upstreams: [{ hosts: [{ ejected: true, healthy: true }], open: 3, queued: 1, circuit: 'open', sessions: 3, durations: [1, 2], credential: { askedAt: 0, endsAt: 50, fetches: { ok: 2 }, shared: 1 } }],
    store: { up: false, problem: 'gone', operations: [{ count: 3 }] }
  })
  t.same(combineTotals([]).outcomes, { answered: 0, refused: 0, left: 0, upstream: 0, gateway: 0 })
})
