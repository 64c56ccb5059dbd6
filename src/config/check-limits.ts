import type { Draft } from './draft.ts'
import type { Path } from './mistakes.ts'
import { isObject } from './objects.ts'
import { rawAt } from './zod-mistakes.ts'

/** Warns of each `on_store_failure` that is written where nothing is shared that could be away. */
export function checkLimits ({ config, routes, rules }: Draft): void {
  if (!isObject(config.value) || rawAt(config.value, ['redis']) !== undefined) return
  warn(config, ['listen'])
  warn(routes, ['defaults'])
  rules.forEach((_rule, at) => { warn(routes, ['routes', at]) })
}

function warn (source: Draft['config'], around: Path): void {
  const limits = rawAt(source.value, [...around, 'rate_limit'])
  if (limits === undefined) return
  const count = Array.isArray(limits) ? limits.length : 1
  for (let at = 0; at < count; at++) {
    const path: Path = [...around, 'rate_limit', at, 'on_store_failure']
    if (rawAt(source.value, path) !== undefined) source.report(path, 'has no meaning without redis in gateway.yaml', { severity: 'warning' })
  }
}
