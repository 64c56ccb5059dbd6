import { useEffect, useMemo, useState } from 'preact/hooks'
import type { RuleRow } from '../../src/explain/explanation.ts'
import { outcomeOf, type Outcome } from '../../src/observe/outcome.ts'
import type { RuleTraffic, Told } from '../../src/observe/snapshot.ts'
import { gateway } from './gateway.ts'
import { Said, Section, Table } from './parts.tsx'
import { percentile } from './series.ts'
import { count, rate, took } from './words.ts'

const FIRST = 30

interface RulesProps {
  readonly told: Told
  readonly rateOf: (rule: string) => number | undefined
  /** Shows the refusals of one. */
  readonly onRefused: (rule: string) => void
}

interface Row extends RuleRow {
  readonly all: number
  readonly outcomes: Readonly<Record<Outcome, number>>
  readonly durations: readonly number[]
}

/** The rules as they stand in the file, each with its traffic. */
export function Rules ({ told, rateOf, onRefused }: RulesProps) {
  const { configuration, traffic, bounds } = told
  const [rules, setRules] = useState<readonly RuleRow[]>([])
  const [wanted, setWanted] = useState('')
  const [byTraffic, setByTraffic] = useState(false)
  const [all, setAll] = useState(false)

  const [missed, setMissed] = useState(0)
  useEffect(() => {
    let timer: number | undefined
    gateway.rules().then(setRules, () => { timer = window.setTimeout(() => { setMissed(missed + 1) }, 2000) })
    return () => { clearTimeout(timer) }
  }, [configuration.rules, configuration.adoptedAt, missed])

  const rows = useMemo(() => {
    const counted = new Map(traffic.map(one => [one.rule, one]))
    const found = rules.map(rule => withTraffic(rule, counted.get(rule.name))).filter(row => fits(row, wanted))
    return byTraffic ? found.sort((one, other) => other.all - one.all) : found
  }, [rules, traffic, wanted, byTraffic])
  const unmatched = withTraffic(NO_RULE, traffic.find(({ rule }) => rule === ''))

  return (
    <Section id='rules' title='Rules' about={<>{count(configuration.routes)} rules, with what became of their requests since the start.{unmatched.all > 0 && <> {count(unmatched.all)} more requests met none.</>}</>}>
      <form class='tools' onSubmit={event => { event.preventDefault() }}>
        <label>Find <input type='search' value={wanted} placeholder='path, caller, upstream' autoComplete='off' onInput={event => { setWanted(event.currentTarget.value) }} /></label>
        <label><input type='checkbox' checked={byTraffic} onChange={event => { setByTraffic(event.currentTarget.checked) }} /> busiest first</label>
      </form>
      <Table
        caption='Rules and their traffic'
        rows={all ? rows : rows.slice(0, FIRST)}
        keyOf={({ at, name }) => `${at} ${name}`}
        empty={wanted === '' ? 'There is no rule.' : 'No rule has this.'}
        columns={[
          { title: 'Rule', isName: true, cell: ({ methods, path, name, at }) => <><b>{methods}</b> <Said>{path}</Said><small>{`${methods} ${path}` !== name && <><Said>{name}</Said>, </>}{at}</small></> },
          { title: 'Who may', cell: ({ who, limits }) => <><Said>{who}</Said>{limits !== '' && <small>{limits}</small>}</> },
          { title: 'Upstream', cell: ({ upstream }) => <Said>{upstream}</Said> },
          { title: 'Per second', isNumber: true, cell: ({ name }) => rate(rateOf(name)) },
          { title: 'Requests', isNumber: true, cell: ({ all: total }) => count(total) },
          { title: 'Refused', isNumber: true, cell: ({ name, outcomes }) => outcomes.refused === 0 ? '0' : <button type='button' class='link' aria-label={`${count(outcomes.refused)} refused: show those of ${name}`} onClick={() => { onRefused(name) }}>{count(outcomes.refused)}</button> },
          { title: 'Failed', isNumber: true, cell: ({ outcomes }) => count(outcomes.upstream + outcomes.gateway) },
          { title: 'p50', isNumber: true, cell: ({ durations }) => took(percentile(durations, bounds, 0.5)) },
          { title: 'p99', isNumber: true, cell: ({ durations }) => took(percentile(durations, bounds, 0.99)) }
        ]}
      />
      {!all && rows.length > FIRST && <button type='button' onClick={() => { setAll(true) }}>Show all {count(rows.length)}</button>}
    </Section>
  )
}

const NO_RULE: RuleRow = { name: '', methods: '', path: '', who: '', limits: '', upstream: '', at: '' }

function withTraffic (rule: RuleRow, traffic: RuleTraffic | undefined): Row {
  const outcomes: Record<Outcome, number> = { answered: 0, refused: 0, left: 0, upstream: 0, gateway: 0 }
  for (const { code, status, count: ended } of traffic?.ends ?? []) outcomes[outcomeOf(code, status)] += ended
  return { ...rule, outcomes, all: Object.values(outcomes).reduce((sum, ended) => sum + ended, 0), durations: traffic?.durations ?? [] }
}

function fits ({ name, methods, path, who, upstream, at }: Row, wanted: string): boolean {
  const text = `${methods} ${path} ${name} ${who} ${upstream} ${at}`.toLowerCase()
  return wanted.toLowerCase().split(' ').every(word => text.includes(word))
}
