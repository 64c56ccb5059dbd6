import { csrfSchema, type Csrf } from './csrf-schema.ts'
import { ERPS } from './erps/index.ts'
import type { Upstream } from './gateway-schema.ts'

type OfUpstream = Pick<Partial<Upstream>, 'erp' | 'csrf' | 'url'>

/**
 * The sessions of an upstream: as it says; else, of an ERP that wants them, at the root of the first service that its rules
 * name: a token is good for all services of a session.
 * @param paths of its rules, rewritten where they are
 */
export function csrfOf ({ erp = 'generic', csrf, url: [first] = [] }: OfUpstream, paths: Iterable<string>): Csrf | undefined {
  if (csrf !== undefined) return csrf === 'none' ? undefined : csrf
  const { csrfService } = ERPS[erp]
  if (csrfService === undefined || first === undefined) return undefined
  const base = new URL(first).pathname.replace(/\/$/, '')
  for (const path of paths) {
    const [service] = csrfService.exec(base + path) ?? []
    if (service !== undefined) return csrfSchema.parse({ path: service })
  }
  return undefined
}

/** Whether it would want sessions, and has none. */
export function lacksCsrf (upstream: OfUpstream, paths: Iterable<string>): boolean {
  return upstream.csrf === undefined && ERPS[upstream.erp ?? 'generic'].csrfService !== undefined && csrfOf(upstream, paths) === undefined
}
