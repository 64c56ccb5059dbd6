import type { Configuration } from '../config/configuration.ts'
import { isTokenCredential } from '../config/credential-schema.ts'
import type { Mistake } from '../config/load.ts'
import { examineFiles } from './files.ts'
import { findingsAbout, GROUPS, inTime, type Finding } from './finding.ts'
import { examineIssuer } from './issuers.ts'
import { examineTokens } from './machine-tokens.ts'
import { examineRedis } from './redis.ts'
import { examineRules } from './rules.ts'
import { examineRunning } from './running-gateway.ts'
import { examineUpstream } from './upstreams.ts'

export interface DoctorSurroundings {
  /** what reading the files had to warn of */
  readonly mistakes: readonly Mistake[]
  /** URL of the admin port of a gateway that may run */
  readonly admin: string
  /** ms since the epoch */
  readonly now: () => number
}

/**
 * Looks at the real surroundings of a gateway, all at once and each within a limit: its issuers, its machine tokens, its
 * ERPs, its Redis, and the gateway that runs, where one does. What is found stands in the order of the files.
 */
export async function examine (configuration: Configuration, { mistakes, admin, now }: DoctorSurroundings): Promise<readonly Finding[]> {
  const { issuers, upstreams, redis } = configuration.gateway
  const running = examineRunning(admin)
  const found = await Promise.all([
    ...Object.entries(issuers).map(([name, issuer]) => inTime(findingsAbout('issuers', name), examineIssuer(name, issuer, { now, givesTokens: givesTokens(name, upstreams) }))),
    ...examineTokens(configuration.gateway, now),
    ...Object.entries(upstreams).flatMap(([name, upstream]) => examineUpstream(name, upstream, now)),
    ...redis === undefined ? [] : [examineRedis(redis)],
    running.then(({ findings }) => findings)
  ])
  const { seen } = await running
  const all = [...examineFiles(configuration, mistakes, now()), ...found.flat(), ...examineRules(configuration, seen, now())]
  return GROUPS.flatMap(group => all.filter(one => one.group === group))
}

function givesTokens (issuer: string, upstreams: Configuration['gateway']['upstreams']): boolean {
  return Object.values(upstreams).some(({ credential }) => isTokenCredential(credential) && credential.issuer === issuer)
}
