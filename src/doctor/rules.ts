import type { Configuration, Route } from '../config/configuration.ts'
import { findingsAbout, type Finding } from './finding.ts'
import type { Seen } from './running-gateway.ts'

/** Names that are told of rules which were never used; nobody reads thousands. */
const MOST_TOLD = 20

/** Which rules are open to everybody, and which no request has met since the gateway started. */
export function examineRules ({ routes }: Configuration, seen: Seen | undefined, now: number): Finding[] {
  const open = routes.filter(({ require }) => require === 'public')
  return [
    ...open.length === routes.length ? [] : [findingsAbout('rules', 'all').good(`${routes.length - open.length} of ${routes.length} rules want a token`)],
    ...open.map(publicFinding),
    ...seen === undefined ? [] : neverUsed(routes, seen, now)
  ]
}

function publicFinding ({ name, at, upstream, withoutCredential }: Route): Finding {
  return findingsAbout('rules', at).warning(
    `PUBLIC: ${name} is open to everybody${withoutCredential ? '' : `, and the ERP gets the gateway's own credential for ${upstream} with it`}`,
    withoutCredential ? 'Nothing, where that is meant.' : 'Nothing, where that is meant. Where the ERP needs no credential for it, say credential: none.'
  )
}

function neverUsed (routes: readonly Route[], { startedAt, usedRules }: Seen, now: number): Finding[] {
  const unused = routes.filter(({ name }) => !usedRules.has(name))
  const since = startedAt === undefined ? 'since it started' : `since it started ${ago(now - startedAt)} ago`
  const about = findingsAbout('rules', 'use')
  if (unused.length === 0) return [about.good(`each rule was met by a request ${since}`)]
  const told = unused.slice(0, MOST_TOLD).map(({ name, at }) => `${name} (${at})`).join(', ')
  return [about.warning(
    `${unused.length} of ${routes.length} rules met no request ${since}: ${told}${unused.length > MOST_TOLD ? ', …' : ''}`,
    'After some weeks: does anybody need them? What nobody uses is best taken out.'
  )]
}

function ago (ms: number): string {
  const minutes = Math.max(0, Math.floor(ms / 60_000))
  if (minutes < 120) return `${minutes} min`
  return minutes < 48 * 60 ? `${Math.floor(minutes / 60)} hours` : `${Math.floor(minutes / 1440)} days`
}
