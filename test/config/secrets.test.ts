import { inspect } from 'node:util'
import t from 'tap'
import { Secret } from '../../src/config/secrets.ts'
import { GATEWAY, load, SECRET } from './files.ts'

const PATH = 'upstreams.erp.credential.client_credentials.client_secret'
const written = (notation: string) => GATEWAY.replace('{ env: ERP_SECRET }', notation)

function revealed (configuration: Awaited<ReturnType<typeof load>>['configuration']): string | undefined {
  const credential = configuration?.gateway.upstreams.erp?.credential
  return credential?.kind === 'client_credentials' ? credential.client_secret[0]?.reveal() : undefined
}

t.test('a secret comes as text, from the environment, and from a file less one final newline', async t => {
  const ways: Readonly<Record<string, { readonly env?: NodeJS.ProcessEnv, readonly beside?: Record<string, string> }>> = {
    [`"${SECRET}"`]: {},
    '{ env: ERP_SECRET }': { env: { ERP_SECRET: SECRET } },
    '"${ERP_SECRET}"': { env: { ERP_SECRET: SECRET } },
    '{ file: secret }': { beside: { secret: `${SECRET}\n` } },
    '{ file: ./secret }': { beside: { secret: `${SECRET}\r\n` } },
    '{ file: "${NAME}" }': { env: { NAME: 'secret' }, beside: { secret: SECRET } }
  }
  for (const [notation, { env = {}, beside }] of Object.entries(ways)) {
    const { configuration, lines } = await load({ gateway: written(notation), env, ...beside !== undefined && { beside } })
    t.equal(revealed(configuration), SECRET, `${notation} ${lines.join('\n')}`)
  }
})

t.test('a missing secret is an error of start and a warning of check', async t => {
  for (const notation of ['{ env: NOWHERE }', '{ file: nowhere }', '"${NOWHERE}"', '"a${NOWHERE}"', '{ file: "${NOWHERE}" }', '{ file: . }']) {
    const start = await load({ gateway: written(notation) })
    t.equal(start.configuration, undefined, notation)
    t.match(start.places.join(), new RegExp(`^gateway\\.yaml:13:\\d+ ${PATH}`))
    const check = await load({ gateway: written(notation), options: { secrets: 'optional' } })
    t.match(check.places.join(), new RegExp(`^warning gateway\\.yaml:13:\\d+ ${PATH}`))
    t.throws(() => revealed(check.configuration), 'a missing secret has nothing to reveal')
  }
})

t.test('a reference that is written wrongly is an error of check too: no environment mends it', async t => {
  for (const notation of ['"${NOWHERE"', '"${BAD-x}"', '"${1}"']) {
    const { places, configuration } = await load({ gateway: written(notation), options: { secrets: 'optional' } })
    t.equal(configuration, undefined, notation)
    t.match(places.join(), new RegExp(`^gateway\\.yaml:13:\\d+ ${PATH}`))
  }
})

// CVE-2026-107720: a key that was "" let a library skip the signature. A secret that is empty is a mistake everywhere.
t.test('an empty secret is always an error', async t => {
  const ways: ReadonlyArray<Parameters<typeof load>[0] & { readonly notation: string }> = [
    { notation: '""' },
    { notation: '"  "' },
    { notation: '{ env: EMPTY }', env: { EMPTY: '' } },
    { notation: '"${EMPTY}"', env: { EMPTY: '' } },
    { notation: '"${NOWHERE:-}"', env: {} },
    { notation: '{ file: empty }', beside: { empty: '' } },
    { notation: '{ file: empty }', beside: { empty: '\n' } }
  ]
  for (const { notation, ...files } of ways) {
    for (const secrets of ['required', 'optional'] as const) {
      const { places, configuration } = await load({ gateway: written(notation), ...files, options: { secrets } })
      t.same(places, [`gateway.yaml:13:24 ${PATH}`], notation)
      t.equal(configuration, undefined)
    }
  }
})

t.test('a client may have two secrets, the new one first; each is one as any other', async t => {
  for (const [notation, wanted] of Object.entries({ '[{ file: new }, { env: OLD }]': ['of the file', 'of the environment'], '"text"': ['text'], '["text", "text too"]': ['text', 'text too'] })) {
    const { configuration } = await load({ gateway: written(notation), env: { OLD: 'of the environment' }, beside: { new: 'of the file\n' } })
    const credential = configuration?.gateway.upstreams.erp?.credential
    t.same(credential?.kind === 'client_credentials' && credential.client_secret.map(secret => secret.reveal()), wanted, notation)
  }
  for (const [notation, at] of [['[{ file: nowhere }, a]', '13:25'], ['[a, { env: NOWHERE }]', '13:28'], ['[a, ""]', '13:28']] as const) {
    const { configuration, places } = await load({ gateway: written(notation) })
    t.equal(configuration, undefined)
    t.match(places, [new RegExp(`^gateway\\.yaml:${at} ${PATH.replaceAll('.', '\\.')}\\[\\d\\]$`)], notation)
  }
})

t.test('a secret with a line break in it is an error: it would end a header', async t => {
  const { places } = await load({ gateway: written('{ file: secret }'), beside: { secret: `${SECRET}\n\n` } })
  t.same(places, [`gateway.yaml:13:24 ${PATH}`])
})

t.test('what is no notation of a secret is an error', async t => {
  for (const notation of ['5', 'true', '[]', '[a]', '[[a], b]', '[a, b, c]', '[a, 5]', '[{}]', '{ file: [a] }', '{}', '{ env: a, file: b }', '{ env: "a b" }', '{ file: "" }', '{ vault: a }', 'null']) {
    const { mistakes, configuration } = await load({ gateway: written(notation), options: { secrets: 'optional' } })
    t.equal(mistakes.length, 1, notation)
    t.equal(mistakes[0]?.line, 13)
    t.equal(mistakes[0]?.severity, 'error')
    t.equal(configuration, undefined)
  }
})

t.test('nothing prints a secret', async t => {
  const secret = new Secret(SECRET)
  const prints = [String(secret), `${secret}`, JSON.stringify({ secret }), inspect(secret), inspect({ deep: [{ secret }] }, { depth: 9, showHidden: true }), inspect(secret, { customInspect: false, showHidden: true }), Object.entries(secret).join(), JSON.stringify(structuredClone({ ...secret }))]
  for (const print of prints) t.notMatch(print, SECRET)
  t.equal(secret.reveal(), SECRET)

  const { configuration } = await load({})
  t.ok(configuration)
  t.notMatch(inspect(configuration, { depth: 20, showHidden: true }), SECRET)
  t.notMatch(JSON.stringify(configuration), SECRET)
})

t.test('no mistake shows a secret, wherever it was put', async t => {
  const places = [
    GATEWAY.replace('{ env: ERP_SECRET }', `{ evn: ${SECRET} }`),
    GATEWAY.replace('{ env: ERP_SECRET }', `[${SECRET}]`),
    GATEWAY.replace('{ env: ERP_SECRET }', `[[${SECRET}], a]`),
    GATEWAY.replace('{ env: ERP_SECRET }', `[${SECRET}, b, c]`),
    GATEWAY.replace('auth_method', 'x').replace('client_id: middleware', `client_id: [${SECRET}]`),
    GATEWAY.replace('client_id: middleware', `client_id: middleware\n        auth_method: ${SECRET}`),
    GATEWAY.replace('client_id: middleware', `client_id: middleware\n        params: { client_secret: ${SECRET} }`),
    GATEWAY.replace('client_id: middleware', `client_id: middleware\n        scope: '"${SECRET}'`),
    GATEWAY.replace('client_id: middleware', `client_id: middleware\n        allow_http: ${SECRET}`),
    `${GATEWAY}    headers: { set: { X-Key: "${SECRET}\\n" } }\n`,
    `${GATEWAY}    headers: { set: { Host: ${SECRET} } }\n`,
    `${GATEWAY}    response_headers: { set: { X-Key: [${SECRET}] } }\n`,
    GATEWAY.replace('https://erp.example.com\n    credential', `https://u:${SECRET}@erp.example.com\n    credential`),
    `${GATEWAY.slice(0, GATEWAY.indexOf('    credential'))}    credential: ${SECRET}\n`,
    `${GATEWAY.slice(0, GATEWAY.indexOf('    credential'))}    credential: { basic: ${SECRET} }\n`,
    `${GATEWAY.slice(0, GATEWAY.indexOf('    credential'))}    credential: { basic: { username: "a:${SECRET}", password: a } }\n`,
    `${GATEWAY.slice(0, GATEWAY.indexOf('    credential'))}    credential: { headers: ${SECRET} }\n`,
    `${GATEWAY.slice(0, GATEWAY.indexOf('    credential'))}    credential: { headers: { X-Key: [${SECRET}] } }\n`,
    ...['issuer', 'url', 'idp', 'audience'].map(key => GATEWAY.replace(new RegExp(` ${key}: .*`), ` ${key}: "\${ERP_SECRET} "`)),
    `listen: { port: "\${ERP_SECRET}", host: "\${ERP_SECRET} x", header_timeout: "\${ERP_SECRET}", public_url: "\${ERP_SECRET}" }\n${GATEWAY}`
  ]
  for (const gateway of places) {
    const { lines, configuration } = await load({ gateway })
    t.equal(configuration, undefined, gateway)
    t.notMatch(lines.join('\n'), SECRET)
  }
})
