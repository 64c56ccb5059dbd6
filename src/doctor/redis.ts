import type { Redis } from '../config/redis-schema.ts'
import { isLoopback } from '../config/urls.ts'
import { findingsAbout, inTime, type Fault, type Finding } from './finding.ts'

/** Whether the Redis is there and takes what the gateway asks of it: one counter of its own, gone after a second. */
export async function examineRedis (redis: Redis): Promise<readonly Finding[]> {
  const { host, port, tls } = redis.url
  const about = findingsAbout('redis', `${host}:${port}`)
  return await inTime(about, look())

  async function look (): Promise<Finding[]> {
    const { createStore } = await import('../store/store.ts')
    let problem = ''
    const store = createStore(redis, {
      now: Date.now,
      onOperation () {},
      onUnreadable () {},
      onChange (up, why) { if (!up) problem = why }
    })
    try {
      const isUp = await store.whetherUp()
      const found = tls ? [] : [about.warning(`without TLS ${isLoopback(host) ? 'on loopback' : 'to another machine'}`, 'Across a network it has to be rediss://: what is counted, and the password, are read on the way.')]
      if (isUp) return [...found, about.good('is there, and counts')]
      const { said, remedy } = faultOf(problem)
      return [...found, about.bad(said, remedy)]
    } finally {
      store.close()
    }
  }
}

// What the store says of itself, in its fixed words.
function faultOf (problem: string): Fault {
  const said = problem === '' ? 'does not answer in time' : problem
  if (/password|allow this user/.test(said)) return { said, remedy: 'See redis.username and redis.password, and the access list of that user: it needs EVAL, GET, SET, DEL on keys that begin with redis.key_prefix.' }
  if (/certificate/.test(said)) return { said, remedy: 'A private authority comes by NODE_EXTRA_CA_CERTS. Where it speaks no TLS, redis:// is for loopback, or for allow_plaintext.' }
  if (/resolve/.test(said)) return { said, remedy: 'See how redis.url is spelled, and this machine\'s DNS.' }
  if (/cluster|read-only/.test(said)) return { said, remedy: 'Name a primary that stands alone, or one behind a sentinel\'s proxy.' }
  return { said, remedy: 'See whether it runs, and what stands between. The gateway goes on without it, each process by itself; limits with on_store_failure: deny refuse.' }
}
