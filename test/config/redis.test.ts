import { randomBytes } from 'node:crypto'
import t from 'tap'
import { inspect } from 'node:util'
import { GATEWAY, load, SECRET } from './files.ts'

const KEY = randomBytes(32)
const PLACE = 'redis.url'

const withRedis = (redis: string) => `redis: { ${redis} }\n${GATEWAY}`
const withKeys = (keys: string) => withRedis(`url: rediss://redis.example.com, keys: ${keys}`)

t.test('a whole Redis, with everything that it does not say', async t => {
  const { configuration, lines } = await load({
    gateway: withRedis('url: "rediss://redis.example.com:6380/2", username: gateway, password: { env: STORE_PASSWORD }, keys: [{ file: new }, { env: OLD }]'),
    env: { ERP_SECRET: SECRET, STORE_PASSWORD: 'a-password', OLD: KEY.toString('base64url') },
    beside: { new: `${KEY.toString('base64')}\n` }
  })
  t.same(lines, [])
  t.match(configuration?.gateway, { redis: { url: { host: 'redis.example.com', port: 6380, database: 2, tls: true }, key_prefix: 'countersign', connect_timeout: 2000, command_timeout: 100, allow_plaintext: false } })
  t.equal(configuration?.gateway.redis?.password?.reveal(), 'a-password')
  t.same(configuration?.gateway.redis?.keys?.map(key => key.reveal()), [KEY.toString('base64'), KEY.toString('base64')])
  t.notMatch(inspect(configuration, { depth: 20, showHidden: true }), KEY.toString('base64'))
  t.notMatch(JSON.stringify(configuration), 'a-password')
})

t.test('without one there is none, and each process counts for itself', async t => {
  const { configuration } = await load({})
  t.match(configuration?.gateway, { redis: undefined })
})

t.test('where a Redis may be', async t => {
  for (const [url, address] of Object.entries({
    'rediss://redis.example.com': { host: 'redis.example.com', port: 6379, database: 0, tls: true },
    'rediss://redis.example.com/': { host: 'redis.example.com', port: 6379, database: 0, tls: true },
    'rediss://redis.example.com:80/15': { host: 'redis.example.com', port: 80, database: 15, tls: true },
    'REDISS://Redis.Example.com:443': { host: 'redis.example.com', port: 443, database: 0, tls: true },
    'rediss://[2001:db8::1]:7000/1': { host: '2001:db8::1', port: 7000, database: 1, tls: true },
    'redis://127.0.0.1:6379': { host: '127.0.0.1', port: 6379, database: 0, tls: false },
    'redis://localhost': { host: 'localhost', port: 6379, database: 0, tls: false },
    'redis://[::1]': { host: '::1', port: 6379, database: 0, tls: false }
  })) {
    const { configuration, lines } = await load({ gateway: withRedis(`url: "${url}", keys: ${KEY.toString('base64')}`) })
    t.same(lines, [], url)
    t.same(configuration?.gateway.redis?.url, address, url)
  }
  const { configuration } = await load({ gateway: withRedis('url: "redis://10.0.0.7", allow_plaintext: true') })
  t.match(configuration?.gateway.redis?.url, { host: '10.0.0.7', tls: false })
})

t.test('where it may not be', async t => {
  for (const url of [
    'redis://redis.example.com', 'redis://10.0.0.7', 'redis://127.0.0.1.example.com', 'redis://0x0a000007', 'rediss://169.254.169.254', 'redis://[fe80::1]', 'redis://169.254.169.254',
    `rediss://user:${SECRET}@redis.example.com`, `rediss://:${SECRET}@redis.example.com`, 'rediss://user@redis.example.com', 'rediss://redis.example.com/a', 'rediss://redis.example.com/0/1',
    'rediss://redis.example.com/-1', 'rediss://redis.example.com/007', 'rediss://redis.example.com?db=1', 'rediss://redis.example.com#1', 'https://redis.example.com', 'redis.example.com:6379', 'rediss://', 'rediss:///0',
    'rediss://redis.example.com:99999', 'unix:///run/redis.sock', 'rediss://exa mple.com', 'rediss://exam\\\\ple.com'
  ]) {
    const { places, lines, configuration } = await load({ gateway: withRedis(`url: "${url}"`) })
    t.equal(configuration, undefined, url)
    t.ok(places.includes(`gateway.yaml:1:15 ${PLACE}`), `${url}: ${places.join()}`)
    t.notMatch(lines.join(), SECRET)
  }
})

t.test('keys are 32 bytes in base64, each wrong one at its place, none of it shown', async t => {
  const good = KEY.toString('base64')
  for (const written of [good, good.slice(0, -1), KEY.toString('base64url')]) {
    const { configuration, lines } = await load({ gateway: withKeys(`["${written}"]`) })
    t.equal(configuration?.gateway.redis?.keys?.[0]?.reveal(), good, lines.join())
  }
  for (const [keys, places] of [
    [`["${good}", hunter2-never-print-me]`, ['gateway.yaml:1:98 redis.keys[1]']],
    ['hunter2-never-print-me', ['gateway.yaml:1:49 redis.keys']],
    [`[${randomBytes(32).toString('hex')}]`, ['gateway.yaml:1:50 redis.keys[0]']],
    [`[${randomBytes(16).toString('hex')}]`, ['gateway.yaml:1:50 redis.keys[0]']],
    [`["${randomBytes(33).toString('base64')}"]`, ['gateway.yaml:1:50 redis.keys[0]']],
    [`["${good.slice(0, -2)}*="]`, ['gateway.yaml:1:50 redis.keys[0]']],
    ['["  "]', ['gateway.yaml:1:50 redis.keys[0]']],
    ['[{ vault: hunter2-never-print-me }]', ['gateway.yaml:1:50 redis.keys[0]']],
    ['[{ env: NOWHERE }]', ['gateway.yaml:1:50 redis.keys[0]']],
    ['{ file: nowhere }', ['gateway.yaml:1:49 redis.keys']],
    ['[{ file: short }]', ['gateway.yaml:1:50 redis.keys[0]']],
    ['[]', ['gateway.yaml:1:49 redis.keys']]
  ] satisfies ReadonlyArray<[string, string[]]>) {
    const { places: found, lines, configuration } = await load({ gateway: withKeys(keys), beside: { short: SECRET } })
    t.same(found, places, keys)
    t.equal(configuration, undefined)
    t.notMatch(lines.join(), SECRET)
  }
})

t.test('a missing key or password is a warning of check', async t => {
  const { places, configuration } = await load({ gateway: withRedis('url: rediss://redis.example.com, password: { env: NOWHERE }, keys: [{ file: nowhere }, "${NOWHERE}"]'), options: { secrets: 'optional' } })
  t.ok(configuration)
  t.same(places, ['warning gateway.yaml:1:53 redis.password', 'warning gateway.yaml:1:78 redis.keys[0]', 'warning gateway.yaml:1:97 redis.keys[1]'])
})

t.test('what check warns of', async t => {
  const unshared = await load({ gateway: withRedis('url: rediss://redis.example.com') })
  t.same(unshared.places, ['warning gateway.yaml:1:1 redis'])
  t.ok(unshared.configuration)
  const nothingToShare = await load({ gateway: withRedis('url: rediss://redis.example.com').replace(/ {6}client_credentials:[^]*$/, '      basic: { username: a, password: b }\n') })
  t.same(nothingToShare.places, [])
})

t.test('other mistakes, each at its place', async t => {
  for (const [gateway, place] of [
    [`redis: {}\n${GATEWAY}`, 'gateway.yaml:1:8 redis'],
    [`redis: rediss://redis.example.com\n${GATEWAY}`, 'gateway.yaml:1:8 redis'],
    [`on_store_failure: deny\n${GATEWAY}`, 'gateway.yaml:1:1 on_store_failure'],
    [withRedis('url: rediss://redis.example.com, command_timeout: 1ms'), 'gateway.yaml:1:60 redis.command_timeout'],
    [withRedis('url: rediss://redis.example.com, connect_timeout: 1m'), 'gateway.yaml:1:60 redis.connect_timeout'],
    [withRedis('url: rediss://redis.example.com, key_prefix: "a b"'), 'gateway.yaml:1:55 redis.key_prefix'],
    [withRedis('url: rediss://redis.example.com, key_prefix: "{a}"'), 'gateway.yaml:1:55 redis.key_prefix'],
    [withRedis('url: rediss://redis.example.com, username: gateway'), 'gateway.yaml:1:53 redis.username'],
    [withRedis(`url: rediss://redis.example.com, pasword: ${SECRET}`), 'gateway.yaml:1:43 redis.pasword'],
    [withRedis(`url: rediss://redis.example.com, key: ${SECRET}`), 'gateway.yaml:1:43 redis.key']
  ] satisfies ReadonlyArray<[string, string]>) {
    const { places, lines, configuration } = await load({ gateway })
    t.ok(places.some(one => one.startsWith(place)), `${place}: ${places.join()}`)
    t.equal(configuration, undefined)
    t.notMatch(lines.join(), SECRET)
  }
})
