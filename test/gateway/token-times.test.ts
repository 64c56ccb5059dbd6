import t from 'tap'
import { startGatehouse, type Wanted } from './gatehouse.ts'

const NOW = Date.UTC(2026, 0, 1)
const SECONDS = NOW / 1000
const END_OF_9999 = 253_402_300_799
const path = '/addresses'
const routes = [{ match: 'GET /addresses', require: 'user' }]
const EXPIRED: Wanted = { status: 401, code: 'token-expired', challenge: { error: 'invalid_token' } }
const TIMES: Wanted = { status: 401, code: 'token-times', challenge: { error: 'invalid_token' } }

t.test('times hold to the tolerance of 5 s, and not a second more', async t => {
  const { idp, lets, refuses } = await startGatehouse(t, { routes, clock: () => NOW })
  for (const claims of [{ exp: 1 }, { exp: -4 }, { exp: -4.5 }, { iat: 5 }, { nbf: 5 }, { iat: -1e9 }, { nbf: -1e9 }, { iat: 4.9 }]) {
    const absolute = Object.fromEntries(Object.entries(claims).map(([name, offset]) => [name, SECONDS + offset]))
    await lets(t, { path, token: idp.mint(absolute) })
  }
  for (const exp of [-5, -6, -4000]) await refuses(t, { path, token: idp.mint({ exp: SECONDS + exp }) }, EXPIRED)
  for (const late of [6, 5.001, 1e9]) {
    await refuses(t, { path, token: idp.mint({ iat: SECONDS + late }) }, TIMES)
    await refuses(t, { path, token: idp.mint({ nbf: SECONDS + late }) }, TIMES)
  }
})

t.test('the tolerance is the issuer\'s own', async t => {
  const { idp, lets, refuses } = await startGatehouse(t, { routes, clock: () => NOW, changes: { issuers: { main: { clock_tolerance: '0s' } } } })
  await lets(t, { path, token: idp.mint({ exp: SECONDS + 1, iat: SECONDS, nbf: SECONDS }) })
  await refuses(t, { path, token: idp.mint({ exp: SECONDS }) }, EXPIRED)
  await refuses(t, { path, token: idp.mint({ nbf: SECONDS + 1 }) }, TIMES)
})

t.test('a time that is none is refused, and one past the year 9999', async t => {
  const { idp, lets, refuses } = await startGatehouse(t, { routes, clock: () => NOW })
  const far = String(SECONDS + 300)
  for (const value of [undefined, null, far, '', true, [SECONDS + 300], { a: 1 }, END_OF_9999 + 1, 1e15, 1e300]) {
    await refuses(t, { path, token: idp.mint({ exp: value }) }, TIMES)
  }
  for (const value of [null, String(SECONDS), '', false, [SECONDS], {}, END_OF_9999 + 1, 1e300]) {
    await refuses(t, { path, token: idp.mint({ iat: value }) }, TIMES)
    await refuses(t, { path, token: idp.mint({ nbf: value }) }, TIMES)
  }
  await lets(t, { path, token: idp.mint({ exp: END_OF_9999 }) })
  await lets(t, { path, token: idp.mint({ iat: undefined, nbf: undefined }) })
})

t.test('an infinite time is no time', async t => {
  const { idp, refuses } = await startGatehouse(t, { routes, clock: () => NOW })
  const payload = (times: string) => `{"iss":"${idp.issuer}","aud":"https://api.example.com","sub":"user-1","client_id":"saas","auth_time":1,${times}}`
  await refuses(t, { path, token: idp.mint({}, { payload: payload('"exp":1e999') }) }, TIMES)
  await refuses(t, { path, token: idp.mint({}, { payload: payload('"exp":-1e999') }) }, EXPIRED)
  await refuses(t, { path, token: idp.mint({}, { payload: payload(`"exp":${SECONDS + 9},"nbf":-1e999`) }) }, TIMES)
  await refuses(t, { path, token: idp.mint({}, { payload: payload(`"exp":${SECONDS + 9},"iat":-1e999`) }) }, TIMES)
  // The last of two counts, for the signature's check as for this one.
  await refuses(t, { path, token: idp.mint({}, { payload: payload(`"exp":${SECONDS + 9},"exp":1`) }) }, EXPIRED)
})

t.test('a token that was good is refused once it has expired', async t => {
  let now = NOW
  const { idp, lets, refuses } = await startGatehouse(t, { routes, clock: () => now })
  const token = idp.mint({ exp: SECONDS + 60 })
  await lets(t, { path, token })
  now += 64_999
  await lets(t, { path, token })
  now += 1
  await refuses(t, { path, token }, EXPIRED)
})
