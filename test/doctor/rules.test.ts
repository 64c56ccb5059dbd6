import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { readSamples } from '../../src/doctor/metrics-text.ts'
import { startErp } from '../support/erp.ts'
import { startGateway } from '../support/gateway.ts'
import { selfSigned } from '../support/self-signed.ts'
import { NOBODY, startScene } from './scene.ts'

const RULES = [
  { match: 'GET /orders/:id', require: 'user' },
  { match: 'POST /orders', require: 'client', id: 'new-order' },
  { match: 'GET /status', require: 'public' },
  { match: 'GET /open/*', require: 'public', credential: 'none' }
]

t.test('each public rule is named by itself, loudly', async t => {
  const { examine, files } = await startScene(t, { routes: RULES })
  const { verdicts, text } = await examine()
  t.same(verdicts('rules'), ['all good', `${files.routes}:7 warning`, `${files.routes}:9 warning`])
  t.match(text('rules'), /PUBLIC: GET \/status.*credential for erp[^]*PUBLIC: GET \/open/)
})

t.test('what check warns of in a rule stands with the rules, what it warns of in gateway.yaml with the files', async t => {
  const { examine } = await startScene(t, {
    routes: [{ match: 'GET|POST /a/:id', require: 'user' }, { match: 'GET /a/b', require: ['user', { user: { scope: 'x' } }] }],
    changes: { listen: { rate_limit: { max: 5, per: '1s' } } }
  })
  const { all } = await examine()
  const warned = all.filter(({ group, verdict }) => verdict === 'warning' && (group === 'files' || group === 'rules'))
  t.same(warned.map(({ group, said }) => [group, said.split(':')[0]]), [['files', 'listen.rate_limit'], ['rules', 'routes[1].match'], ['rules', 'routes[1].require[1]']])
})

t.test('rules that no request has met are named, from the metrics of the gateway that runs', async t => {
  const scene = await startScene(t, { routes: RULES })
  const gateway = await startGateway(t, { idp: scene.idp, erp: scene.erp, routes: RULES })
  const admin = `http://127.0.0.1:${gateway.adminPort}`
  await gateway.call({ path: '/orders/17', token: scene.idp.mintUser() })
  await gateway.call({ path: '/status' })
  const before = await scene.examine(admin)
  t.same(before.verdicts('running gateway'), [`${admin} good`])
  const [unused] = before.all.filter(({ about }) => about === 'use')
  t.match(unused, { verdict: 'warning', said: /^2 of 4 rules.*new-order.*GET \/open\/\*/ })
  t.notMatch(unused?.said, /GET \/status|orders\/:id/)
  await gateway.call({ path: '/open/x' })
  await gateway.call({ method: 'POST', path: '/orders', token: scene.idp.mintUser() })
  t.match((await scene.examine(admin)).all.find(({ about }) => about === 'use'), { verdict: 'good' })
})

t.test('a gateway that is not as it should be is told as that', async t => {
  const scene = await startScene(t)
  const gateway = await startGateway(t, { idp: scene.idp, erp: scene.erp, routes: { defaults: { issuers: 'main' }, routes: RULES }, changes: { issuers: { dead: { issuer: 'http://127.0.0.1:1', audience: 'x', idp: 'rfc9068' } } } })
  const admin = `http://127.0.0.1:${gateway.adminPort}`
  while ((await gateway.admin('/readyz')).status !== 200) await sleep(20)
  const { verdicts, text } = await scene.examine(admin)
  t.same(verdicts('running gateway'), [`${admin} warning`])
  t.match(text('running gateway'), /issuers\.dead\.keys/)
})

t.test('where no gateway runs, or another server answers, that is a warning and no more', async t => {
  const { examine } = await startScene(t)
  t.same((await examine()).verdicts('running gateway'), [`${NOBODY} warning`])
  const other = await startErp(t)
  t.same((await examine(other.origin)).verdicts('running gateway'), [`${other.origin} warning`])
})

t.test('certificates that the files name are bad once they have ended, and a warning before', async t => {
  const day = 24 * 3_600_000
  const until = (ms: number) => selfSigned({ notBefore: new Date(Date.now() - 90 * day), notAfter: new Date(Date.now() + ms) })
  for (const [ms, verdict] of [[90 * day, 'good'], [5 * day, 'warning'], [-day, 'bad']] as const) {
    const { cert, key } = until(ms)
    const { examine } = await startScene(t, { changes: { listen: { tls: { cert, key } } } })
    t.same((await examine()).verdicts('files').slice(1), [`listen.tls ${verdict}`])
  }
})

t.test('labels are read as Prometheus writes them', async t => {
  t.same(readSamples('# HELP a b\na{rule="x \\"y\\" \\\\ \\n",code=""} 3\nb 1.5\n\nbroken'), [
    { name: 'a', labels: { rule: 'x "y" \\ \n', code: '' }, value: 3 },
    { name: 'b', labels: {}, value: 1.5 }
  ])
})
