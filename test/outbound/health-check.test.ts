import { createServer } from 'node:http'
import t from 'tap'
import { createQuestion, HealthCheck, type HealthCheckOptions } from '../../src/outbound/health-check.ts'
import { serve } from '../support/server.ts'
import { createClock, settled } from './clock.ts'

function checked (changes: Partial<HealthCheckOptions> = {}) {
  const clock = createClock()
  const changed: boolean[] = []
  const state = { isWell: true, asked: 0 }
  const check = new HealthCheck({
    every: 1000,
    healthy: 2,
    unhealthy: 3,
    ask () {
      state.asked += 1
      return Promise.resolve(state.isWell)
    },
    startLimit: clock.startLimit,
    random: () => 0.5,
    onChange: isHealthy => { changed.push(isHealthy) },
    ...changes
  })
  return { clock, check, changed, state }
}

t.test('it asks at once, and then again and again', async t => {
  const { clock, changed, state } = checked()
  t.equal(state.asked, 1)
  await clock.pass(0)
  await clock.pass(10_000)
  t.equal(state.asked, 11)
  t.same(changed, [])
})

t.test('so many bad answers in a row, then so many good ones', async t => {
  const { clock, changed, state } = checked()
  await clock.pass(0)
  const hears = async (...answers: readonly boolean[]): Promise<void> => {
    for (const isWell of answers) {
      state.isWell = isWell
      await clock.pass(1000)
    }
  }
  await hears(false, false, true, false, false)
  t.same(changed, [])
  await hears(false)
  t.same(changed, [false])
  await hears(false, true, false, true)
  t.same(changed, [false])
  await hears(true)
  t.same(changed, [false, true])
})

t.test('replicas do not ask together', async t => {
  for (const [random, ms] of [[0, 900], [0.999, 1099]] as const) {
    const { clock, state } = checked({ random: () => random })
    await clock.pass(0)
    await clock.pass(ms - 1)
    t.equal(state.asked, 1)
    await clock.pass(2)
    t.equal(state.asked, 2)
  }
})

t.test('once closed it asks no more, and what it still hears changes nothing', async t => {
  let answer = (_isWell: boolean): void => {}
  const { clock, check, changed } = checked({ unhealthy: 1, ask: async () => await new Promise(resolve => { answer = resolve }) })
  check.close()
  answer(false)
  await settled()
  await clock.pass(10_000)
  t.same([changed, clock.running], [[], 0])
})

t.test('a question is a bare GET on a connection of its own', async t => {
  const seen: Array<{ readonly method: string | undefined, readonly url: string | undefined, readonly headers: object }> = []
  let answer = (_url: string | undefined): number | undefined => 200
  const { port, stop, start, ...server } = await serve(t, createServer(({ method, url, headers }, res) => {
    seen.push({ method, url, headers })
    const status = answer(url)
    if (status !== undefined) res.writeHead(status).end('x'.repeat(200_000))
  }))
  const question = createQuestion(`http://127.0.0.1:${port}`, { path: '/health?deep=1', timeout: 300, expect: [200, 204] })
  t.equal(await question.ask(), true)
  t.match(seen, [{ method: 'GET', url: '/health?deep=1' }])
  t.same(Object.keys(seen[0]?.headers ?? {}).sort(), ['connection', 'host', 'user-agent'])
  t.match(seen[0]?.headers, { connection: 'close' })
  answer = () => 204
  t.equal(await question.ask(), true)
  answer = () => 302
  t.equal(await question.ask(), false, 'no redirect is followed')
  answer = () => 503
  t.equal(await question.ask(), false)
  answer = () => undefined
  t.equal(await question.ask(), false, 'nor is it waited for longer than it may take')
  answer = () => 200
  t.equal(await question.ask(), true, 'and the next one is not in its way')
  await stop()
  t.equal(await question.ask(), false)
  await start()
  t.equal(await question.ask(), true)
  await question.close()
  t.equal(await question.ask(), false)
  t.ok(server.sockets.size <= 1)
})
