import t from 'tap'
import { fromEnvironment } from '../../src/config/env.ts'
import { GATEWAY, gatewayWith, load, SECRET } from './files.ts'

t.test('${NAME} and ${NAME:-default} are replaced within text, once, and never in keys', t => {
  const env = { NAME: 'value', EMPTY: '', NESTED: '${NAME}', YAML: '{ a: b }\n- c' }
  const cases: ReadonlyArray<[unknown, unknown]> = [
    ['${NAME}', 'value'],
    ['a-${NAME}-${NAME}-b', 'a-value-value-b'],
    ['${NAME:-other}', 'value'],
    ['${NOWHERE:-other}', 'other'],
    ['${NOWHERE:-https://a:1/}', 'https://a:1/'],
    ['${NOWHERE:-}', ''],
    ['${EMPTY:-other}', 'other'],
    ['${EMPTY}', ''],
    ['${NESTED}', '${NAME}'],
    ['$${NAME}', '${NAME}'],
    ['$NAME', '$NAME'],
    ['${YAML}', '{ a: b }\n- c'],
    [{ '${NAME}': ['${NAME}', 5, true, null] }, { '${NAME}': ['value', 5, true, null] }]
  ]
  for (const [given, wanted] of cases) t.same(fromEnvironment(given, env), { value: wanted, missing: [] }, JSON.stringify(given))
  t.end()
})

t.test('a name that is missing, or is none, is a mistake at its place', async t => {
  for (const reference of ['${NOWHERE}', 'a${NOWHERE}b', '${}', '${1A}', '${A B}', '${OPEN', '${A:+b}', '${constructor}']) {
    const { places, configuration } = await load({ gateway: gatewayWith('audience: https://api.example.com', `audience: "${reference}"`) })
    t.same(places, ['gateway.yaml:5:15 issuers.main.audience'], reference)
    t.equal(configuration, undefined)
  }
})

t.test('a value serves where a number or a truth value is wanted', async t => {
  const { configuration, lines } = await load({
    gateway: `listen: { port: "\${PORT}", rate_limit: { max: "\${MAX}", per: "\${PER}" }, trusted_proxies: ["\${PROXY}"] }\nlog: { requests: "\${LINES}" }\n${GATEWAY}`,
    env: { PORT: '8443', MAX: '100', PER: '1m', PROXY: '10.0.0.0/8', LINES: 'false', ERP_SECRET: SECRET }
  })
  t.same(lines, [])
  t.match(configuration?.gateway, { listen: { port: 8443, rate_limit: { max: 100, per: 60_000 }, trusted_proxies: ['10.0.0.0/8'] }, log: { requests: false } })
})

t.test('a value that does not serve is a mistake', async t => {
  for (const PORT of ['', ' 80', '80 ', '0x50', '8e1', '-1', '65536', '080', 'Infinity', '80.0', '１２']) {
    const { places } = await load({ gateway: `listen: { port: "\${PORT}" }\n${GATEWAY}`, env: { PORT, ERP_SECRET: SECRET } })
    t.same(places, ['gateway.yaml:1:17 listen.port'], PORT)
  }
})

t.test('a value never changes the structure', async t => {
  for (const AUDIENCE of ['[]', '{}', '["a", "b"]', '!!null', '*a', 'true', '7', 'no']) {
    const { configuration } = await load({ gateway: gatewayWith('audience: https://api.example.com', 'audience: ${AUDIENCE}'), env: { AUDIENCE, ERP_SECRET: SECRET } })
    t.same(configuration?.gateway.issuers.main?.audience, [AUDIENCE])
  }
})

t.test('an unquoted reference within brackets is hinted at', async t => {
  const { mistakes, lines } = await load({ gateway: `listen: { port: \${PORT} }\n${GATEWAY}` })
  t.equal(mistakes[0]?.line, 1)
  t.match(lines[0], '"${NAME}"')
})
