import { randomInt } from 'node:crypto'
import t from 'tap'

const DEFAULT_RUNS = 10_000
/** The usual seed: what is tried on every commit is the same, and a failure is that commit's. */
const DEFAULT_SEED = 20_261_122
/** that a run may take on a busy machine */
const MOST_MS = 20

/**
 * How a generated attack runs: COUNTERSIGN_RUNS cases (10,000 where it is not set) from COUNTERSIGN_SEED (one and the same
 * where it is not set; `random` looks for what nobody has seen yet), printed so that a run can be repeated.
 */
export function generation (name: string): { readonly seed: number, readonly numRuns: number } {
  const seed = process.env['COUNTERSIGN_SEED'] === 'random' ? randomInt(2 ** 31) : setting('COUNTERSIGN_SEED') ?? DEFAULT_SEED
  const numRuns = setting('COUNTERSIGN_RUNS') ?? DEFAULT_RUNS
  t.comment(`${name}: ${numRuns} runs; again with COUNTERSIGN_SEED=${seed} COUNTERSIGN_RUNS=${numRuns}`)
  // More runs than usual take longer than tap lets a file take; this ends one that hangs.
  t.setTimeout(Math.max(120_000, numRuns * MOST_MS))
  return { seed, numRuns }
}

// fast-check takes a seed as a 32-bit integer, of either sign.
function setting (name: string): number | undefined {
  const text = process.env[name]
  if (text === undefined || text === '') return undefined
  const value = Number(text)
  if (!Number.isInteger(value)) throw new Error(`${name} is no whole number: ${text}`)
  return value
}
