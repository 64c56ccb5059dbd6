import { randomBytes } from 'node:crypto'
import t from 'tap'
import { inspect } from 'node:util'
import { GATEWAY, load, SECRET } from './files.ts'

const KEY = randomBytes(32)
const PLACE = 'store.redis.url'

const withStore = (redis: string, more = '') => `store:\n  redis: { ${redis} }\n${more}${GATEWAY}`
const withKeys = (keys: string) => withStore('url: rediss://redis.example.com', `  encryption_keys: ${keys}\n`)

t.test('a whole store, with everything that it does not say', async t => {
  const { configuration, lines } = await load({
    gateway: `on_store_failure: deny\n${withStore('url: "rediss://redis.example.com:6380/2", username: gateway, password: { env: STORE_PASSWORD }', '  encryption_keys: [{ file: new }, { env: OLD }]\n')}`,
    env: { ERP_SECRET: SECRET, STORE_PASSWORD: 'a-password', OLD: KEY.toString('hex') },
    beside: { new: `${KEY.toString('base64')}\n` }
  })
  t.same(lines, [])
  t.match(configuration?.gateway, { on_store_failure: 'deny', store: { redis: { url: { host: 'redis.example.com', port: 6380, database: 2, tls: true }, key_prefix: 'countersign', connect_timeout: 2000, command_timeout: 100, allow_plaintext: false } } })
  t.equal(configuration?.gateway.store?.redis.password?.reveal(), 'a-password')
  t.same(configuration?.gateway.store?.encryption_keys?.map(key => key.reveal()), [KEY.toString('base64'), KEY.toString('base64')])
  t.notMatch(inspect(configuration, { depth: 20, showHidden: true }), KEY.toString('base64'))
  t.notMatch(JSON.stringify(configuration), 'a-password')
})

t.test('without one there is none, and each process counts for itself', async t => {
  const { configuration } = await load({})
  t.match(configuration?.gateway, { on_store_failure: 'local', store: undefined })
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
    const { configuration, lines } = await load({ gateway: withStore(`url: "${url}"`, `  encryption_keys: ${KEY.toString('base64')}\n`) })
    t.same(lines, [], url)
    t.same(configuration?.gateway.store?.redis.url, address, url)
  }
  const { configuration } = await load({ gateway: withStore('url: "redis://10.0.0.7", allow_plaintext: true') })
  t.match(configuration?.gateway.store?.redis.url, { host: '10.0.0.7', tls: false })
})

t.test('where it may not be', async t => {
  for (const url of [
    'redis://redis.example.com', 'redis://10.0.0.7', 'redis://127.0.0.1.example.com', 'redis://0x0a000007', 'rediss://169.254.169.254', 'redis://[fe80::1]', 'redis://169.254.169.254',
    `rediss://user:${SECRET}@redis.example.com`, `rediss://:${SECRET}@redis.example.com`, 'rediss://user@redis.example.com', 'rediss://redis.example.com/a', 'rediss://redis.example.com/0/1',
    'rediss://redis.example.com/-1', 'rediss://redis.example.com/007', 'rediss://redis.example.com?db=1', 'rediss://redis.example.com#1', 'https://redis.example.com', 'redis.example.com:6379', 'rediss://', 'rediss:///0',
    'rediss://redis.example.com:99999', 'unix:///run/redis.sock', 'rediss://exa mple.com', 'rediss://exam\\\\ple.com'
  ]) {
    const { places, lines, configuration } = await load({ gateway: withStore(`url: "${url}"`) })
    t.equal(configuration, undefined, url)
    t.ok(places.includes(`gateway.yaml:2:17 ${PLACE}`), `${url}: ${places.join()}`)
    t.notMatch(lines.join(), SECRET)
  }
})

t.test('keys are 32 bytes in base64 or hex, each wrong one at its place, none of it shown', async t => {
  const good = KEY.toString('base64')
  for (const written of [good, good.slice(0, -1), KEY.toString('base64url'), KEY.toString('hex'), KEY.toString('hex').toUpperCase()]) {
    const { configuration, lines } = await load({ gateway: withKeys(`["${written}"]`) })
    t.equal(configuration?.gateway.store?.encryption_keys?.[0]?.reveal(), good, lines.join())
  }
  for (const [keys, places] of [
    [`["${good}", hunter2-never-print-me]`, ['gateway.yaml:3:69 store.encryption_keys[1]']],
    ['hunter2-never-print-me', ['gateway.yaml:3:20 store.encryption_keys']],
    [`[${randomBytes(16).toString('hex')}]`, ['gateway.yaml:3:21 store.encryption_keys[0]']],
    [`["${randomBytes(33).toString('base64')}"]`, ['gateway.yaml:3:21 store.encryption_keys[0]']],
    [`["${good.slice(0, -2)}*="]`, ['gateway.yaml:3:21 store.encryption_keys[0]']],
    ['["  "]', ['gateway.yaml:3:21 store.encryption_keys[0]']],
    ['[{ vault: hunter2-never-print-me }]', ['gateway.yaml:3:21 store.encryption_keys[0]']],
    ['[{ env: NOWHERE }]', ['gateway.yaml:3:21 store.encryption_keys[0]']],
    ['{ file: nowhere }', ['gateway.yaml:3:20 store.encryption_keys']],
    ['[{ file: short }]', ['gateway.yaml:3:21 store.encryption_keys[0]']],
    ['[]', ['gateway.yaml:3:20 store.encryption_keys']]
  ] satisfies ReadonlyArray<[string, string[]]>) {
    const { places: found, lines, configuration } = await load({ gateway: withKeys(keys), beside: { short: SECRET } })
    t.same(found, places, keys)
    t.equal(configuration, undefined)
    t.notMatch(lines.join(), SECRET)
  }
})

t.test('a missing key or password is a warning of check', async t => {
  const { places, configuration } = await load({ gateway: withStore('url: rediss://redis.example.com, password: { env: NOWHERE }', '  encryption_keys: [{ file: nowhere }, "${NOWHERE}"]\n'), options: { secrets: 'optional' } })
  t.ok(configuration)
  t.same(places, ['warning gateway.yaml:2:55 store.redis.password', 'warning gateway.yaml:3:21 store.encryption_keys[0]', 'warning gateway.yaml:3:40 store.encryption_keys[1]'])
})

t.test('what check warns of', async t => {
  const unshared = await load({ gateway: withStore('url: rediss://redis.example.com') })
  t.same(unshared.places, ['warning gateway.yaml:1:1 store'])
  t.ok(unshared.configuration)
  const alone = await load({ gateway: `on_store_failure: deny\n${GATEWAY}` })
  t.same(alone.places, ['warning gateway.yaml:1:19 on_store_failure'])
  const nothingToShare = await load({ gateway: withStore('url: rediss://redis.example.com').replace(/ {6}client_credentials:[^]*$/, '      basic: { username: a, password: b }\n') })
  t.same(nothingToShare.places, [])
})

t.test('other mistakes, each at its place', async t => {
  for (const [gateway, place] of [
    [`store: {}\n${GATEWAY}`, 'gateway.yaml:1:8 store'],
    [`on_store_failure: panic\n${GATEWAY}`, 'gateway.yaml:1:19 on_store_failure'],
    [withStore('url: rediss://redis.example.com, command_timeout: 1ms'), 'gateway.yaml:2:62 store.redis.command_timeout'],
    [withStore('url: rediss://redis.example.com, connect_timeout: 1m'), 'gateway.yaml:2:62 store.redis.connect_timeout'],
    [withStore('url: rediss://redis.example.com, key_prefix: "a b"'), 'gateway.yaml:2:57 store.redis.key_prefix'],
    [withStore('url: rediss://redis.example.com, key_prefix: "{a}"'), 'gateway.yaml:2:57 store.redis.key_prefix'],
    [withStore('url: rediss://redis.example.com, username: gateway'), 'gateway.yaml:2:55 store.redis.username'],
    [withStore(`url: rediss://redis.example.com, pasword: ${SECRET}`), 'gateway.yaml:2:45 store.redis.pasword'],
    [withStore('url: rediss://redis.example.com', `  encryption_key: ${SECRET}\n`), 'gateway.yaml:3:3 store.encryption_key']
  ] satisfies ReadonlyArray<[string, string]>) {
    const { places, lines, configuration } = await load({ gateway })
    t.ok(places.some(one => one.startsWith(place)), `${place}: ${places.join()}`)
    t.equal(configuration, undefined)
    t.notMatch(lines.join(), SECRET)
  }
})
