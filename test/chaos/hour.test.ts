import { readdir, readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { failedOf } from './load.ts'
import { isFull, startScene } from './scene.ts'
import { tell } from './told.ts'

// An hour of 300 requests a second is what five minutes are at full speed, more or less; in the pipeline it is half a minute.
const LONG = isFull ? 300_000 : 30_000
const RATE = 3000

t.setTimeout(LONG + 90_000)

t.test('an hour\'s traffic at full speed: memory is flat, and no descriptor is lost', async t => {
  const { erp, replicas: [gateway], load } = await startScene(t, {}, { replicas: 1 })
  if (gateway === undefined) throw new Error('one replica')
  const { pid } = gateway
  const memory = async (): Promise<number> => Number(/^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
  const descriptors = async (): Promise<number> => (await readdir(`/proc/${pid}/fd`)).length
  await sleep(500)
  const before = await descriptors()
  const running = load({ rate: RATE, most: 64 })
  // A million requests are more than the stand-in can remember.
  const forgetting = setInterval(() => { erp.requests.length = 0 }, 500)
  t.teardown(() => { clearInterval(forgetting) })
  // Until the heap has the size that it wants.
  await sleep(LONG / 3)
  const samples: Array<readonly [minutes: number, mebibytes: number]> = []
  for (const began = Date.now(); Date.now() < began + LONG * 2 / 3;) {
    samples.push([(Date.now() - began) / 60_000, await memory()])
    await sleep(500)
  }
  const outcome = await running.stop()
  await sleep(1500)
  const after = await descriptors()
  const slope = slopeOf(samples)
  const grown = slope * LONG * 2 / 3 / 60_000
  tell(`${LONG / 1000} s at full speed`, outcome, `${Math.round(Math.max(...samples.map(([, size]) => size)))} MiB at most, ${slope.toFixed(1)} MiB a minute, descriptors ${before} → ${after}`)
  t.equal(failedOf(outcome), 0, JSON.stringify(outcome))
  // A leak of one small object for each request would be some 50 bytes times all of them; a heap moves by more than that.
  t.ok(grown < 64, `${grown.toFixed(1)} MiB in ${Math.round(LONG * 2 / 3000)} s`)
  // Connections to the ERP may be kept for a moment.
  t.ok(after <= before + 40, `${before} → ${after}`)
})

/** Least squares. */
function slopeOf (samples: ReadonlyArray<readonly [number, number]>): number {
  const mean = (pick: (sample: readonly [number, number]) => number): number => samples.reduce((sum, one) => sum + pick(one), 0) / samples.length
  const [x, y] = [mean(one => one[0]), mean(one => one[1])]
  return samples.reduce((sum, one) => sum + (one[0] - x) * (one[1] - y), 0) / samples.reduce((sum, one) => sum + (one[0] - x) ** 2, 0)
}
