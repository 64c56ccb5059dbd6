import type { Draft } from './draft.ts'
import type { Path } from './mistakes.ts'
import type { Rule } from './routes-schema.ts'
import { rawAt } from './zod-mistakes.ts'

const WRITES: readonly string[] = ['POST', 'PUT', 'PATCH', 'DELETE']

/** What a rule's `idempotency` wants of the rule and of gateway.yaml. */
export function checkIdempotency ({ config, routes, workers }: Draft, path: Path, { idempotency, require, match }: Partial<Rule>): void {
  if (idempotency === undefined) return
  const report = (message: string, key: Path = []) => { routes.report([...path, 'idempotency', ...key], message, { on: 'key' }) }
  if (require === 'public') report('a public rule knows no caller: one would get the answer of another')
  if (match !== undefined && !match.methods.some(method => WRITES.includes(method))) routes.report([...path, 'idempotency'], `has no effect: it is about ${WRITES.join(', ')}`, { on: 'key', severity: 'warning' })
  if (config.value === undefined) return
  if (idempotency.store === 'redis') checkShared(config, report)
  // How many `auto` is, is another machine's to say.
  else if ((workers ?? 1) > 1 || rawAt(config.value, ['workers']) === 'auto') report('gateway.yaml has several workers, and each would remember for itself: say store: redis', storeKey(routes, path))
}

function storeKey (routes: Draft['routes'], path: Path): Path {
  return rawAt(routes.value, [...path, 'idempotency', 'store']) === undefined ? [] : ['store']
}

function checkShared (config: Draft['config'], report: (message: string, key?: Path) => void): void {
  if (rawAt(config.value, ['redis']) === undefined) report('gateway.yaml has no redis', ['store'])
  else if (rawAt(config.value, ['redis', 'keys']) === undefined) report('redis.keys is missing in gateway.yaml: answers of the ERP are kept only when they are sealed', ['store'])
}
