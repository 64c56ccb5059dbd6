import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { get, startGatehouse, type Gatehouse, type GatehouseSetup } from '../gateway/gatehouse.ts'
import type { Erp } from '../support/erp.ts'
import { tearDown } from '../support/teardown.ts'

/** One row of the gauntlet: what went wrong elsewhere, in a sentence, and what is asked of us. */
export interface Attack {
  readonly story: string
  /** advisories, specifications, or how it was measured */
  readonly origin: string
  /** what the gateway must do */
  readonly required: string
  /** where the gateway's documented answer is another than the one that is usual, and why */
  readonly differs?: string
  /** why it cannot be tried on this gateway */
  readonly notApplicable?: string
}

export type Section = Readonly<Record<string, Attack>>

const known = Object.getOwnPropertyNames(Object.prototype).sort().join()
let unhandled = 0
process.on('unhandledRejection', () => { unhandled++ })

/**
 * Runs a section: each row as a test of its own, named by id and story, and after each the check that the attack left
 * nothing behind. A row without a test and without a reason fails, and so does a test without a row.
 */
export function runSection (section: Section, attacks: Readonly<Record<string, (t: Test) => Promise<void>>>): void {
  const rows = Object.entries(section)
  for (const [id, { story, notApplicable }] of rows) {
    const attack = attacks[id]
    if (attack === undefined || notApplicable !== undefined) {
      t.test(`${id} ${story}`, t => {
        t.equal(attack, undefined, 'a row that does not apply has no test')
        t.match(notApplicable, /\w{3}/, 'no test, and no reason why there is none')
        if (t.passing()) tally(`section ${id[0]}`, { of: 1, held: 0, notApplicable: 1 })
        t.end()
      })
      continue
    }
    t.test(`${id} ${story}`, async t => {
      const before = unhandled
      await attack(t)
      t.equal(Object.getOwnPropertyNames(Object.prototype).sort().join(), known, 'Object.prototype is clean')
      t.equal(unhandled, before, 'nothing was rejected unhandled')
      tally(`section ${id[0]}`, { of: 1, held: t.passing() ? 1 : 0 })
    })
  }
  t.same(Object.keys(attacks).filter(id => section[id] === undefined), [], 'each test has its row')
}

/**
 * A gateway between an IdP and an ERP of its own, that is looked at when the attack is over: it still lets a valid
 * request through, and the sockets to the ERP are no more than the requests at once explain.
 * A routes.yaml given as text or with defaults of its own is taken as it is, and its test looks for itself.
 */
export async function startAttacked (t: Test, setup: GatehouseSetup): Promise<Gatehouse> {
  const routes = isList(setup.routes) ? [...setup.routes, ALIVE] : setup.routes
  const house = await startGatehouse(t, { ...setup, routes })
  // Run before the gateway's own teardown: the last registered is the first to run.
  if (routes !== setup.routes) tearDown(t, async () => { await assertAlive(house) })
  return house
}

const ALIVE = { match: 'GET /the-gateway-lives', require: 'public', credential: 'none' }

// Array.isArray alone does not narrow a readonly list.
function isList (routes: GatehouseSetup['routes']): routes is ReadonlyArray<Record<string, unknown>> {
  return Array.isArray(routes)
}

async function assertAlive ({ gateway, erp }: Gatehouse): Promise<void> {
  erp.answerWith((_request, response) => { response.end('alive') })
  const { response } = await gateway.raw(get('/the-gateway-lives'))
  if (response.status !== 200) throw new Error(`after the attack a valid request is answered ${response.status}: ${response.body.toString()}`)
  await settle(erp)
}

/** Waits until the sockets to the ERP are idle ones of a pool: what an attack opened has ended. */
async function settle (erp: Erp): Promise<void> {
  const end = Date.now() + 5000
  while (erp.requests.some(({ pending }) => pending) && Date.now() < end) await sleep(20)
  const left = erp.requests.filter(({ pending }) => pending)
  if (left.length > 0) throw new Error(`after the attack ${left.length} exchanges with the ERP are still open: ${left.map(({ method, url }) => `${method} ${url}`).join(', ')}`)
}

/** What one part of the gauntlet came to. */
export interface Tally {
  /** attacks, vectors or generated cases */
  readonly of: number
  readonly held: number
  readonly notApplicable?: number
}

/** For the line at the end of the run: scripts/test.mjs adds up what is written here. */
export function tally (part: string, counts: Tally): void {
  const dir = process.env['COUNTERSIGN_TEST_LOG_DIR']
  if (dir !== undefined) appendFileSync(join(dir, 'gauntlet.jsonl'), `${JSON.stringify({ part, ...counts })}\n`)
}
