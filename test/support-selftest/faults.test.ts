import t from 'tap'
import * as faults from '../support/faults.ts'
import { startIdp } from '../support/idp.ts'
import { call, rawRequest } from '../support/raw-http.ts'

const MiB = 1024 * 1024
const get = 'GET /jwks HTTP/1.1\r\nHost: idp\r\n\r\n'

t.test('an endpoint fails as told, alone, and heals', async t => {
  const idp = await startIdp(t)
  idp.fail('jwks', faults.json(503, { error: 'down' }))
  t.equal((await call(idp.port, { path: '/jwks' })).status, 503)
  t.equal((await call(idp.port, { path: '/.well-known/openid-configuration' })).status, 200)
  idp.heal('jwks')
  t.equal((await call(idp.port, { path: '/jwks' })).status, 200)
  idp.fail('jwks', faults.answer(500), 2)
  t.same([
    (await call(idp.port, { path: '/jwks' })).status, (await call(idp.port, { path: '/jwks' })).status, (await call(idp.port, { path: '/jwks' })).status
  ], [500, 500, 200])
})

t.test('each answer that is wrong from its first byte', async t => {
  const idp = await startIdp(t)
  const answerTo = async (fault: faults.Fault) => {
    idp.fail('jwks', fault)
    return await call(idp.port, { path: '/jwks' })
  }
  t.match(await answerTo(faults.html()), { status: 200, headers: { 'content-type': 'text/html' } })
  t.match(await answerTo(faults.empty()), { status: 200, body: { length: 0 } })
  t.match(await answerTo(faults.json(200, {})), { text: '{}' })
  t.match(await answerTo(faults.redirect('http://127.0.0.1:1/')), { status: 302, headers: { location: 'http://127.0.0.1:1/' } })
  t.throws((await answerTo(faults.truncatedJson())).json)
  t.match((await answerTo(faults.slow(50))).json(), { keys: [{ kid: idp.keys.current.kid }] })
})

t.test('answers that never come, never end, or break', async t => {
  const idp = await startIdp(t)
  const answerTo = async (fault: faults.Fault) => {
    idp.fail('jwks', fault)
    return await rawRequest(idp.port, get, { timeout: 300 })
  }
  t.match(await answerTo(faults.hang()), { responses: [], ending: 'open' })
  t.match(await answerTo(faults.stall()), { responses: [{ status: 200, complete: false }], ending: 'open' })
  t.match(await answerTo(faults.trickle(20)), { responses: [{ complete: false }], ending: 'open' })
  t.match(await answerTo(faults.endless()), { responses: [{ complete: false }], ending: 'open' })
  t.match(await answerTo(faults.reset()), { responses: [], ending: 'reset' })
})

t.test('bodies of many bytes are JSON, and are poured out as fast as they are read', async t => {
  const idp = await startIdp(t)
  let bytes = 0
  const onData = (chunk: Buffer) => { bytes += chunk.length }
  idp.fail('jwks', faults.huge(20 * MiB))
  t.match(await call(idp.port, { path: '/jwks', onData }), { complete: true })
  t.equal(bytes, 20 * MiB)
  idp.fail('jwks', faults.huge(1000))
  t.same((await call(idp.port, { path: '/jwks' })).json(), {})
  idp.fail('jwks', faults.gzipBomb(5 * MiB))
  t.ok((await call(idp.port, { path: '/jwks' })).body.length < MiB)
  t.equal((await (await fetch(idp.jwksUri)).text()).length, 5 * MiB)
})

t.test('discovery says whatever it is told', async t => {
  const idp = await startIdp(t)
  idp.discovery = { issuer: 'https://evil.example.com', jwks_uri: undefined }
  const document = (await call(idp.port, { path: '/.well-known/openid-configuration' })).json()
  t.match(document, { issuer: 'https://evil.example.com', token_endpoint: idp.tokenEndpoint })
  t.notMatch(document, { jwks_uri: String })
})

t.test('an outage refuses connections and cuts those that are open; afterwards the port is the same', async t => {
  const idp = await startIdp(t)
  idp.fail('jwks', faults.hang())
  const waiting = rawRequest(idp.port, get)
  while (idp.requests.jwks === 0) await new Promise(resolve => setTimeout(resolve, 5))
  await idp.stop()
  t.match(await waiting, { ending: 'reset' })
  await t.rejects(call(idp.port), { code: 'ECONNREFUSED' })
  await idp.start()
  idp.heal()
  t.equal((await call(idp.port, { path: '/jwks' })).status, 200)
})
