import { useMemo } from 'preact/hooks'
import { OUTCOMES, type Outcome } from '../../src/observe/outcome.ts'
import type { Sample, Told } from '../../src/observe/snapshot.ts'
import { Chart, type Line } from './chart.tsx'
import { Section, Table } from './parts.tsx'
import { added, percentile, pointsOf, type Point } from './series.ts'
import { clock, count, OUTCOME_WORDS, percent, rate, span, took } from './words.ts'

// Those that an operator looks for first are drawn last, on top.
const ORDER: readonly Outcome[] = ['answered', 'refused', 'upstream', 'gateway', 'left']
const DASHES: Readonly<Record<Outcome, readonly number[]>> = { answered: [], refused: [8, 3], upstream: [], gateway: [3, 3], left: [1, 4] }
const SHARES = [['p50', 0.5, 'p50', [1, 4]], ['p95', 0.95, 'p95', [8, 3]], ['p99', 0.99, 'p99', []]] as const

/** ms over which the figures at the top are taken */
const RECENT = 60_000

export function Overview ({ told, samples }: { readonly told: Told, readonly samples: readonly Sample[] }) {
  const { bounds } = told
  const points = useMemo(() => pointsOf(samples), [samples])
  const times = useMemo(() => points.map(({ time }) => time), [points])
  const rates = useMemo(() => ORDER.map((outcome): Line => ({ label: OUTCOME_WORDS[outcome], color: outcome, dash: DASHES[outcome], values: points.map(point => point.rates?.[outcome] ?? null) })), [points])
  const latencies = useMemo(() => SHARES.map(([label, share, color, dash]): Line => ({ label, color, dash, values: points.map((_, at) => percentile(around(points, at), bounds, share) ?? null) })), [points, bounds])
  return (
    <Section id='overview' title='Overview'>
      <Figures told={told} points={points} />
      {points.length === 0 && <p class='empty'>The first figures come in a moment.</p>}
      {points.length > 0 && (
        <div class='charts'>
          <Chart title='Requests per second' times={times} lines={rates} text={rate} />
          <Chart title='Time to answer' times={times} lines={latencies} text={took} />
        </div>
      )}
      {points.length > 0 && <details><summary>The charts as a table</summary><Minutes points={points} bounds={bounds} /></details>}
    </Section>
  )
}

// Of few requests each one would be a percentile of its own.
function around (points: readonly Point[], at: number): number[] {
  return added(points.slice(Math.max(0, at - 4), at + 1).map(({ durations }) => durations))
}

function Figures ({ told, points }: { readonly told: Told, readonly points: readonly Point[] }) {
  const { totals, process, bounds, time } = told
  const recent = points.filter(point => point.time > time - RECENT)
  const all = OUTCOMES.reduce((sum, outcome) => sum + totals.outcomes[outcome], 0)
  const durations = added(recent.map(point => point.durations))
  const mean = (outcomes: readonly Outcome[]): number | undefined => {
    const known = recent.flatMap(({ rates }) => rates ?? [])
    return known.length === 0 ? undefined : known.reduce((sum, rates) => sum + outcomes.reduce((own, outcome) => own + rates[outcome], 0), 0) / known.length
  }
  const perSecond = mean(OUTCOMES)
  const share = (outcomes: readonly Outcome[]): number | undefined => {
    const part = mean(outcomes)
    return part === undefined || perSecond === undefined || perSecond === 0 ? undefined : part / perSecond
  }
  return (
    <>
      <dl class='figures'>
        <Figure name='Requests per second' value={rate(perSecond)} />
        <Figure name='Refused' value={percent(share(['refused']))} />
        <Figure name='Failed' value={percent(share(['upstream', 'gateway']))} />
        <Figure name='Half answered within' value={took(percentile(durations, bounds, 0.5))} />
        <Figure name='99 of 100 within' value={took(percentile(durations, bounds, 0.99))} />
        <Figure name='In flight' value={count(process.inFlight)} />
      </dl>
      <p class='about'>Over the last minute. Since the start {span(time - told.startedAt)} ago: {count(all)} requests, of which {ORDER.filter(outcome => totals.outcomes[outcome] > 0).map(outcome => `${count(totals.outcomes[outcome])} ${OUTCOME_WORDS[outcome]}`).join(', ') || 'none'}.</p>
    </>
  )
}

function Figure ({ name, value }: { readonly name: string, readonly value: string }) {
  return <div><dt>{name}</dt><dd>{value}</dd></div>
}

interface Minute {
  readonly time: number
  readonly rates: Readonly<Record<Outcome, number | undefined>>
  readonly durations: readonly number[]
}

function Minutes ({ points, bounds }: { readonly points: readonly Point[], readonly bounds: readonly number[] }) {
  const minutes = new Map<number, Point[]>()
  for (const point of points) {
    const minute = Math.floor(point.time / 60_000) * 60_000
    minutes.set(minute, [...minutes.get(minute) ?? [], point])
  }
  const rows = [...minutes].reverse().map(([time, own]): Minute => {
    const known = own.flatMap(({ rates }) => rates ?? [])
    const mean = (outcome: Outcome): number | undefined => known.length === 0 ? undefined : known.reduce((sum, rates) => sum + rates[outcome], 0) / known.length
    return { time, rates: { answered: mean('answered'), refused: mean('refused'), left: mean('left'), upstream: mean('upstream'), gateway: mean('gateway') }, durations: added(own.map(({ durations }) => durations)) }
  })
  return (
    <Table
      caption='Requests per second and time to answer, by minute'
      empty=''
      rows={rows}
      keyOf={({ time }) => String(time)}
      columns={[
        { title: 'Minute', isName: true, cell: ({ time }) => clock(new Date(time)) },
        ...ORDER.map(outcome => ({ title: `${OUTCOME_WORDS[outcome]} /s`, isNumber: true, cell: ({ rates }: Minute) => rate(rates[outcome]) })),
        ...SHARES.map(([label, share]) => ({ title: label, isNumber: true, cell: ({ durations }: Minute) => took(percentile(durations, bounds, share)) }))
      ]}
    />
  )
}
