import type { RefObject } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { Ask } from './ask.tsx'
import { Decision } from './decision.tsx'
import { Entry } from './entry.tsx'
import type { Filter } from './gateway.ts'
import { useLive, type Live } from './live.ts'
import { Overview } from './overview.tsx'
import { Badge, Time, type Standing } from './parts.tsx'
import { Refusals } from './refusals.tsx'
import { useDecision } from './route.ts'
import { Rules } from './rules.tsx'
import { Surroundings } from './surroundings.tsx'

const SECTIONS = [['overview', 'Overview'], ['refusals', 'Refusals'], ['rules', 'Rules'], ['surroundings', 'Surroundings'], ['ask', 'Ask why']] as const

export function App () {
  const live = useLive()
  const decision = useDecision()
  const [filter, setFilter] = useState<Filter>({})
  const [wasShown, setWasShown] = useState(false)
  const { told, samples, rateOf, wantsToken } = live
  const top = useTop()
  const section = useSection(told !== undefined && !wantsToken)

  function shown (): void {
    setWasShown(true)
    live.again()
  }

  function showRefusals (rule: string): void {
    setFilter({ rule })
    show('refusals')
  }

  return (
    <>
      <a class='skip' href='#content' onClick={event => { event.preventDefault(); show(wantsToken ? 'content' : 'overview') }}>Skip to the content</a>
      <header class='top' ref={top}>
        <div class='bar-top'>
          <h1>Countersign <span>console</span></h1>
          <Standings live={live} />
        </div>
        <Trouble live={live} />
        {!wantsToken && (
          <nav aria-label='Sections'>
            {SECTIONS.map(([id, title]) => <a key={id} href={`#${id}`} aria-current={id === section ? 'true' : undefined} onClick={event => { event.preventDefault(); show(id) }}>{title}</a>)}
          </nav>
        )}
      </header>
      <main id='content' tabIndex={-1}>
        {wantsToken && <Entry wasShown={wasShown} onShown={shown} />}
        {!wantsToken && told === undefined && <p class='empty'>{live.lostSince === undefined ? 'Asking the gateway …' : ''}</p>}
        {!wantsToken && told !== undefined && (
          <>
            <Overview told={told} samples={samples} />
            <Refusals told={told} filter={filter} setFilter={setFilter} />
            <Rules told={told} rateOf={rateOf} onRefused={showRefusals} />
            <Surroundings told={told} />
            <Ask />
            {decision !== undefined && <Decision id={decision} />}
          </>
        )}
      </main>
    </>
  )
}

const STANDINGS = { ready: 'good', degraded: 'warning', starting: 'warning', draining: 'warning' } as const satisfies Record<string, Standing>

function Standings ({ live: { told, lostSince, paused, setPaused, wantsToken } }: { readonly live: Live }) {
  if (wantsToken) return null
  return (
    <div class='standing'>
      <span role='status'>
        {lostSince !== undefined ? <Badge standing='bad'>no answer</Badge> : told !== undefined && <Badge standing={STANDINGS[told.status]}>{told.status}</Badge>}
      </span>
      {told !== undefined && <span class='muted as-of'>as of <Time at={told.time} /></span>}
      <button type='button' aria-pressed={paused} onClick={() => { setPaused(!paused) }}>{paused ? 'Resume' : 'Pause'}</button>
    </div>
  )
}

/** What is not as it should be, said once when it begins. */
function Trouble ({ live: { told, lostSince, problem, wantsToken } }: { readonly live: Live }) {
  if (wantsToken) return null
  return (
    <div role='status' class='trouble'>
      {lostSince !== undefined
        ? <p class='problem'>{problem ?? 'The gateway does not answer'} (since <Time at={lostSince.getTime()} />). Asking again every few seconds{told !== undefined && '; what stands below is as it was'}.</p>
        : told?.status === 'draining'
          ? <p class='warning'>It is draining: requests under way are answered, and then it ends.</p>
          : told?.status === 'starting'
            ? <p class='warning'>It is starting: not every issuer and credential was tried yet.</p>
            : told !== undefined && told.degraded.length > 0 && <p class='warning'>Not as it should be: {told.degraded.join(', ')}.</p>}
    </div>
  )
}

/** What stays at the top, which is higher where there is trouble to tell of: what is scrolled to comes to stand below it. */
function useTop (): RefObject<HTMLElement | null> {
  const top = useRef<HTMLElement>(null)
  useEffect(() => {
    const header = top.current
    if (header === null) return
    const sized = new ResizeObserver(() => { document.documentElement.style.scrollPaddingTop = `${header.offsetHeight}px` })
    sized.observe(header)
    return () => { sized.disconnect() }
  }, [])
  return top
}

/** The section that the reader is at: the last one whose title has gone up past the middle of the upper half. */
function useSection (areThere: boolean): string | undefined {
  const [section, setSection] = useState<string | undefined>(undefined)
  useEffect(() => {
    if (!areThere) return
    const look = (): void => {
      const above = SECTIONS.filter(([id]) => (document.getElementById(id)?.getBoundingClientRect().top ?? Infinity) < innerHeight / 3)
      const atEnd = innerHeight + scrollY >= document.documentElement.scrollHeight - 2
      setSection(atEnd && scrollY > 0 ? SECTIONS.at(-1)?.[0] : above.at(-1)?.[0])
    }
    look()
    document.addEventListener('scroll', look, { passive: true })
    return () => { document.removeEventListener('scroll', look) }
  }, [areThere])
  return section
}

// The fragment of the address is for decisions.
function show (id: string): void {
  const place = document.getElementById(id)
  place?.scrollIntoView({ behavior: matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth' })
  place?.focus({ preventScroll: true })
}
