import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { ForkedGateway } from '../support/fork-gateway.ts'
import { failedOf } from './load.ts'
import { startScene, until } from './scene.ts'
import { tell } from './told.ts'

t.test('a rolling restart of both replicas: no request of a client that reconnects fails', async t => {
  const { replicas, load, fork } = await startScene(t, { drain_delay: '1s' })
  const running = load()
  await sleep(1000)
  for (let at = 0; at < 2; at++) {
    // As an orchestrator does it: the new one first, then no more to the old one, which goes on for drain_delay.
    const next = await fork()
    t.ok(await until(async () => (await next.admin('/readyz')).status === 200))
    const [old] = replicas.splice(0, 1)
    if (old === undefined) throw new Error('two replicas')
    old.kill('SIGTERM')
    replicas.push(next)
    t.same(await old.exited, { code: 0, signal: null })
  }
  // And the hard way: whoever balances does not know yet that it is gone.
  const [old] = replicas
  old?.kill('SIGTERM')
  t.same(await old?.exited, { code: 0, signal: null })
  await sleep(500)
  const outcome = await running.stop()
  tell('rolling restart of both replicas', outcome)
  t.equal(failedOf(outcome), 0, JSON.stringify(outcome))
})

t.test('a worker killed with SIGKILL under load: only its open requests fail', async t => {
  const { replicas: [gateway], load } = await startScene(t, { workers: 2 }, { replicas: 1 })
  if (gateway === undefined) throw new Error('one replica')
  const lost = async (): Promise<number> => Number(/^countersign_workers_lost_total (\d+)$/m.exec((await gateway.admin('/metrics')).text)?.[1])
  const serving = async (): Promise<boolean> => /^countersign_workers 2$/m.test((await gateway.admin('/metrics')).text)
  t.ok(await until(serving))
  const running = load()
  await sleep(1000)
  const killed = new Set<unknown>()
  for (let at = 0; at < 3; at++) {
    t.ok(await until(serving))
    const pid = await newWorker(gateway, killed)
    killed.add(pid)
    process.kill(Number(pid), 'SIGKILL')
    t.ok(await until(async () => await lost() === at + 1))
  }
  t.ok(await until(serving))
  await sleep(500)
  const outcome = await running.stop()
  tell('3 workers killed with SIGKILL', outcome)
  // A client that reconnects loses what was answered in part at most; nothing of these few bytes is.
  t.ok(failedOf(outcome) <= 3, JSON.stringify(outcome))
})

// What a worker logs can come later than the metric that counts it.
async function newWorker (gateway: ForkedGateway, killed: ReadonlySet<unknown>): Promise<unknown> {
  const newest = (): unknown => gateway.logLines().findLast(({ msg, pid }) => msg === 'a worker serves' && !killed.has(pid))?.['pid']
  await until(() => newest() !== undefined)
  return newest()
}
