import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Outcome } from './load.ts'

/** For the table at the end of the run: scripts/test.mjs prints what is written here. */
export function tell (what: string, outcome: Outcome | undefined, ...more: readonly string[]): void {
  const others = Object.entries(outcome?.others ?? {}).map(([code, count]) => `${count} × ${code}`)
  const told = {
    what,
    ...outcome !== undefined && { requests: outcome.sent, failed: outcome.sent - outcome.ok, reconnected: outcome.reconnected, p99: Math.round(outcome.p99) },
    more: [...others, ...more].join(', ')
  }
  const dir = process.env['COUNTERSIGN_TEST_LOG_DIR']
  if (dir !== undefined) appendFileSync(join(dir, 'chaos.jsonl'), `${JSON.stringify(told)}\n`)
}
