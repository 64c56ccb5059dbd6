import { Certificates } from './certificates.ts'
import type { Configuration, Route } from './configuration.ts'
import { fingerprint } from './fingerprint.ts'
import { formatPath } from './mistakes.ts'
import { isObject } from './objects.ts'
import { Secret } from './secrets.ts'

/** What another configuration changes. Of values it holds nothing. */
export interface Differences {
  /** rules that are new, like `POST /addresses (routes.yaml:4)` */
  readonly added: readonly string[]
  readonly removed: readonly string[]
  /** rules of which something is otherwise, and what, defaults merged in: `GET /addresses (routes.yaml:6): require, timeout` */
  readonly changed: readonly string[]
  /** places in gateway.yaml, like `upstreams.erp.url` */
  readonly settings: readonly string[]
}

/** Rules are the same rule where their `match` is the same, wherever they stand. */
export function differences (before: Configuration, after: Configuration): Differences {
  const [old, now] = [byMatch(before.routes), byMatch(after.routes)]
  return {
    added: [...now].flatMap(([match, route]) => old.has(match) ? [] : [placed(match, route)]),
    removed: [...old].flatMap(([match, route]) => now.has(match) ? [] : [placed(match, route)]),
    changed: [...now].flatMap(([match, route]) => {
      const was = old.get(match)
      const keys = was === undefined ? [] : changedKeys(was, route)
      return keys.length === 0 ? [] : [`${placed(match, route)}: ${keys.join(', ')}`]
    }),
    settings: changedPlaces(before.gateway, after.gateway, [])
  }
}

function byMatch (routes: readonly Route[]): Map<string, Route> {
  return new Map(routes.map(route => [`${route.match.any ? 'ANY' : route.match.methods.join('|')} ${route.match.path}`, route]))
}

function placed (match: string, { at }: Route): string {
  return `${match} (${at})`
}

/** Of what a rule says; where it stands, and what it is called after, is no part of it. */
function changedKeys (before: Route, after: Route): string[] {
  const told = (route: Route): Record<string, unknown> => ({ ...route, at: undefined, name: undefined, match: undefined })
  return changedPlaces(told(before), told(after), [], 1)
}

function changedPlaces (before: unknown, after: unknown, path: readonly string[], depth = Infinity): string[] {
  if (fingerprint(before) === fingerprint(after)) return []
  if (depth === 0 || !isPlain(before) || !isPlain(after)) return [formatPath(path)]
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap(key => changedPlaces(before[key], after[key], [...path, key], depth - 1))
}

function isPlain (part: unknown): part is Record<string, unknown> {
  return isObject(part) && !(part instanceof Secret) && !(part instanceof Certificates)
}
