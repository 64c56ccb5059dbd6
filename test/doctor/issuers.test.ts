import t from 'tap'
import { findingsAbout, inTime } from '../../src/doctor/finding.ts'
import { answer, hang, html, json, redirect, reset, truncatedJson, type Fault } from '../support/faults.ts'
import { selfSigned } from '../support/self-signed.ts'
import { startScene } from './scene.ts'

t.test('an issuer that is as configured is good in each respect but plain http', async t => {
  const { examine, idp } = await startScene(t)
  const { verdicts, text } = await examine()
  t.same(verdicts('issuers'), ['main warning', 'main good', 'main good', 'main good'])
  t.match(text('issuers'), idp.discoveryUrl)
  t.same([idp.requests.discovery, idp.requests.jwks], [2, 1], 'its document once for its keys, and once for the machine token')
})

t.test('an issuer that differs by its last slash is bad, and both spellings stand there', async t => {
  const { examine, idp } = await startScene(t)
  idp.discovery = { issuer: `${idp.issuer}/` }
  const { verdicts, text } = await examine()
  t.same(verdicts('issuers').slice(1), ['main bad', 'main good'])
  t.match(text('issuers'), new RegExp(`slash.*"${idp.issuer}".*"${idp.issuer}/".*→.*issuers\\.main\\.issuer: "${idp.issuer}/"`))
})

t.test('another issuer altogether is bad, and both are spelled out', async t => {
  const { examine, idp } = await startScene(t)
  idp.discovery = { issuer: 'https://other.example.com/\u001b[31m' }
  const { all } = await examine()
  const found = all.find(({ group, verdict }) => group === 'issuers' && verdict === 'bad')
  t.match(found?.said, /another issuer.*other\.example\.com/)
  t.notMatch(found?.said, '\u001b', 'without what a terminal would obey')
})

const FAULTS: ReadonlyArray<readonly [name: string, fault: (url: string) => Fault, said: RegExp]> = [
  ['404', () => answer(404), /404.*→.*discovery.*jwks_uri/],
  ['HTML', () => html(), /HTML/],
  ['a login page with 200 and JSON\'s type', () => answer(200, '<html>', 'application/json'), /HTML/],
  ['a redirect', url => redirect(`${url}/elsewhere?secret=1`), /redirects \(302\), to "http:\/\/127[^"?]*\/elsewhere"/],
  ['401', () => json(401, {}), /401/],
  ['500', () => json(500, {}), /500.*→.*fails/],
  ['half a document', () => truncatedJson(), /no discovery document/],
  ['a list', () => json(200, []), /no discovery document/],
  ['a reset', () => reset(), /broke the connection/]
]

t.test('whatever the document is instead of a document is told apart, with what to do', async t => {
  const { examine, idp } = await startScene(t, { changes: { upstreams: { erp: { credential: 'none' } } } })
  for (const [name, fault, said] of FAULTS) {
    idp.fail('discovery', fault(idp.origin))
    const { verdicts, text } = await examine()
    t.ok(verdicts('issuers').includes('main bad'), name)
    t.match(text('issuers'), said, name)
  }
})

t.test('one that refuses, hangs, has no name here, or keys that are none', async t => {
  const scene = await startScene(t, { changes: { upstreams: { erp: { credential: 'none' } } } })
  const { idp, examine } = scene
  for (const [fault, said] of [[json(200, { keys: [] }), /no key at/], [json(200, { keys: [{ kty: 'oct', k: 'AAAA' }, { kty: 'RSA', n: 'AQAB', e: 'AQAB' }] }), /can be used: key 0 is a secret key; key 1/], [json(200, { nothing: 1 }), /JWK Set/], [answer(404), /404/]] as const) {
    idp.fail('jwks', fault)
    const { verdicts, text } = await examine()
    t.same(verdicts('issuers').slice(1), ['main good', 'main bad', 'main good'])
    t.match(text('issuers'), said)
  }
  idp.heal()
  idp.fail('discovery', hang())
  t.match((await examine()).text('issuers'), /does not answer in time/)
  await idp.stop()
  t.match((await examine()).text('issuers'), /refuses the connection/)
  const unknown = await startScene(t, { changes: { issuers: { main: { issuer: 'https://idp.invalid', jwks_uri: undefined } }, upstreams: { erp: { credential: 'none' } } } })
  t.match((await unknown.examine()).text('issuers'), /idp\.invalid does not resolve/)
})

t.test('a certificate of the IdP that nobody vouches for is told as that', async t => {
  const tls = selfSigned()
  const { examine } = await startScene(t, { idp: { tls }, changes: { upstreams: { erp: { credential: 'none' } } } })
  t.match((await examine()).text('issuers'), /vouches.*DEPTH_ZERO_SELF_SIGNED_CERT.*→ .*issuers\.main\.tls\.ca/)
  const trusting = await startScene(t, { idp: { tls }, changes: { issuers: { main: { tls: { ca: tls.cert } } }, upstreams: { erp: { credential: 'none' } } } })
  t.same((await trusting.examine()).verdicts('issuers'), ['main good', 'main good', 'main good'])
})

t.test('a clock that is further off than is forgiven is bad, one that comes near a warning', async t => {
  const { examine, idp } = await startScene(t, { changes: { issuers: { main: { clock_tolerance: '60s' } }, upstreams: { erp: { credential: 'none' } } } })
  const clockOf = async (headers: Record<string, string>): Promise<string | undefined> => {
    idp.fail('discovery', (_req, res) => {
      for (const [name, value] of Object.entries(headers)) res.setHeader(name, value)
      return 'go on'
    })
    return (await examine()).verdicts('issuers').at(-1)
  }
  const at = (ms: number): string => new Date(Date.now() + ms).toUTCString()
  t.equal(await clockOf({ Date: at(600_000) }), 'main bad')
  t.equal(await clockOf({ Date: at(-600_000) }), 'main bad')
  t.equal(await clockOf({ Date: at(45_000) }), 'main warning')
  t.equal(await clockOf({ Date: at(0) }), 'main good')
  t.equal(await clockOf({ Date: at(-600_000), Age: '600' }), 'main good', 'a cache says how old its answer is')
})

t.test('where jwks_uri stands and no credential wants the document, it is not asked for', async t => {
  const first = await startScene(t)
  const { examine } = await startScene(t, { changes: { issuers: { main: { issuer: 'https://nobody.invalid', jwks_uri: first.idp.jwksUri } }, upstreams: { erp: { credential: 'none' } } } })
  t.same((await examine()).verdicts('issuers'), ['main warning', 'main good', 'main good', 'main good'])
})

t.test('a check that comes to no end keeps nobody from the others', async t => {
  const about = findingsAbout('issuers', 'main')
  t.match(await inTime(about, new Promise(() => {}), 20), [{ verdict: 'bad', about: 'main' }])
  t.match(await inTime(about, Promise.resolve([about.good('there')]), 20_000), [{ verdict: 'good' }])
})
