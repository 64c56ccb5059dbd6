import type { ComponentChildren } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { PastLine } from '../../src/explain/explanation.ts'
import type { RefusalGroup, Told } from '../../src/observe/snapshot.ts'
import { gateway, type Filter } from './gateway.ts'
import { Said, Section, Table, Time, type Column } from './parts.tsx'
import { linkTo } from './route.ts'
import { count, titleOf } from './words.ts'

const FIRST = 15
const MOST = 1000
/** groups of a kind that are shown at once */
const FEW = 6

interface RefusalsProps {
  readonly told: Told
  readonly filter: Filter
  readonly setFilter: (filter: Filter) => void
}

/** Who is refused, and why: by what refusals have in common, and one by one. Each leads to its explanation. */
export function Refusals ({ told, filter, setFilter }: RefusalsProps) {
  const { remembered, since, code, rule, client } = told.refusals
  const [most, setMost] = useState(FIRST)
  const [lines, setLines] = useState<readonly PastLine[] | undefined>(undefined)

  // Asked for anew when the gateway was: with each of its answers.
  useEffect(() => {
    let over = false
    gateway.decisions(filter, most).then(found => { if (!over) setLines(found) }, () => {})
    return () => { over = true }
  }, [told, filter, most])
  // Rules that only report may have let through what they would refuse, and have refused nothing.
  const shows = remembered > 0 || (lines?.length ?? 0) > 0

  const pick = (kind: keyof Filter, name: string): void => {
    const { [kind]: before, ...others } = filter
    setFilter(before === name ? others : { ...others, [kind]: name })
    setMost(FIRST)
  }
  const filters = (['code', 'rule', 'client'] as const).flatMap(kind => filter[kind] === undefined ? [] : [{ kind, name: filter[kind] }])
  return (
    <Section
      id='refusals'
      title='Refusals'
      about={remembered === 0 ? undefined : <>The last {count(remembered)}{since !== undefined && <>, since <Time at={since} /></>}. Pick a reason, a rule or a client to see its own; “why?” explains the latest of it.</>}
    >
      {!shows && <p class='empty'>No request was refused since the start.</p>}
      {shows && (
        <>
          {remembered > 0 && (
            <div class='groups'>
              <Groups title='By reason' groups={code} picked={filter.code} onPick={name => { pick('code', name) }} wordsOf={name => <><b>{name}</b><small>{titleOf(name)}</small></>} />
              <Groups title='By rule' groups={rule} picked={filter.rule} onPick={name => { pick('rule', name) }} wordsOf={name => name === '' ? <i>no rule was met</i> : <Said>{name}</Said>} />
              <Groups title='By client' groups={client} picked={filter.client} onPick={name => { pick('client', name) }} wordsOf={name => name === '' ? <i>no client was proven</i> : <Said>{name}</Said>} />
            </div>
          )}
          {filters.length > 0 && (
            <p class='filters'>
              Only {filters.map(({ kind, name }) => <button key={kind} type='button' class='chip' onClick={() => { pick(kind, name) }}>{KINDS[kind]} <Said>{name === '' ? 'none' : name}</Said> <span role='img' aria-label='remove'>✕</span></button>)}
            </p>
          )}
          {lines !== undefined && <Table caption='The last refusals, the newest first' rows={lines} keyOf={({ decision }) => decision} empty='None of these is remembered.' columns={COLUMNS} />}
          {lines !== undefined && lines.length === most && most < MOST && <button type='button' onClick={() => { setMost(Math.min(most * 4, MOST)) }}>Show more</button>}
        </>
      )}
    </Section>
  )
}

const COLUMNS: ReadonlyArray<Column<PastLine>> = [
  { title: 'Time', cell: ({ time }) => <Time at={time} /> },
  { title: 'Request', isName: true, cell: ({ decision, method, path }) => <a class='row-link' href={linkTo(decision)}><b>{method}</b> <Said>{path}</Said></a> },
  { title: 'Refused', cell: ({ status, code, letThrough }) => letThrough ? <>let through <small class='muted'>would be {status} {code}</small></> : <>{status} {code}</> },
  { title: 'Rule', cell: ({ rule }) => rule === undefined ? <span class='muted'>none</span> : <Said>{rule}</Said> },
  { title: 'Client', cell: ({ client }) => client === undefined ? <span class='muted'>not proven</span> : <Said>{client}</Said> }
]

const KINDS: Readonly<Record<keyof Filter, string>> = { code: 'reason', rule: 'rule', client: 'client' }

interface GroupsProps {
  readonly title: string
  readonly groups: readonly RefusalGroup[]
  readonly picked: string | undefined
  readonly onPick: (name: string) => void
  readonly wordsOf: (name: string) => ComponentChildren
}

function Groups ({ title, groups, picked, onPick, wordsOf }: GroupsProps) {
  const [all, setAll] = useState(false)
  const most = Math.max(...groups.map(group => group.count))
  const shown = all ? groups : groups.slice(0, FEW)
  return (
    <div class='group'>
      <h3>{title}</h3>
      <ul class='plain'>
        {shown.map(group => (
          <li key={group.name}>
            <button type='button' aria-pressed={picked === group.name} onClick={() => { onPick(group.name) }}>
              <span>{wordsOf(group.name)}</span>
              <span class='count'>{count(group.count)}</span>
              <span class='bar' aria-hidden='true' style={{ width: `${100 * group.count / most}%` }} />
            </button>
            <a href={linkTo(group.decision)} aria-label={`Why? The latest of ${group.name === '' ? 'these' : group.name}`}>why?</a>
          </li>
        ))}
      </ul>
      {groups.length > FEW && <button type='button' class='quiet' onClick={() => { setAll(!all) }}>{all ? 'Fewer' : `All ${groups.length}`}</button>}
    </div>
  )
}
