import type { Route } from './configuration.ts'
import { foldHeaderName } from './header-rules.ts'

/**
 * What a rule does to a request and its answer beside their bodies: equal texts for rules that do the same. Within a
 * batch none of it can be done to one request alone.
 */
export function besideBody ({ withoutCredential, headers, response_headers, identity }: Pick<Route, 'withoutCredential' | 'headers' | 'response_headers' | 'identity'>): string {
  const claims = identity.map(({ header, path }) => [foldHeaderName(header), path] as const)
  return JSON.stringify([withoutCredential, sorted(Object.entries(headers.set)), sorted(claims), sorted(Object.entries(response_headers.set)), [...response_headers.remove].sort()])
}

function sorted<T> (entries: ReadonlyArray<readonly [name: string, value: T]>): Array<readonly [string, T]> {
  return entries.map(([name, value]) => [foldHeaderName(name), value] as const).sort(([one], [other]) => one < other ? -1 : 1)
}
