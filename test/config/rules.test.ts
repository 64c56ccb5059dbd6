import t from 'tap'
import { GATEWAY, load } from './files.ts'

const SECOND_ISSUER = GATEWAY.replace('upstreams:', '  other: { issuer: https://id.example.com, audience: a, idp: rfc9068 }\nupstreams:')
const SECOND_UPSTREAM = `${GATEWAY}  crm: { url: https://crm.example.com, credential: none }\n`

interface Row {
  readonly promise: string
  readonly routes: string
  readonly gateway?: string
  /** line:column and path */
  readonly wrong: readonly string[]
  /** what the message must name */
  readonly names?: readonly string[]
}

const rule = (lines: string) => `routes:\n  - match: GET /a\n    require: user\n${lines}`
const required = (value: string) => `routes:\n  - match: GET /a\n    require: ${value}\n`

const REFUSED: readonly Row[] = [
  { promise: 'a rule without require', routes: 'routes:\n  - match: GET /a\n', wrong: ['2:5 routes[0]'], names: ['require', 'public', 'user', 'client'] },
  { promise: 'a misspelt require, with the nearest spelling', routes: required('usr'), wrong: ['3:14 routes[0].require'], names: ['"usr"', 'user|client', 'did you mean "user"?'] },
  { promise: 'a misspelt key, at the key', routes: 'routes:\n  - match: GET /a\n    requier: user\n', wrong: ['2:5 routes[0]', '3:5 routes[0].requier'], names: ['did you mean "require"?'] },
  { promise: 'an unknown key of the file', routes: `${required('user')}rules: []\n`, wrong: ['4:1 rules'] },
  { promise: 'no rules', routes: 'routes: []\n', wrong: ['1:9 routes'] },
  { promise: 'no routes', routes: 'defaults: { timeout: 5s }\n', wrong: ['1:1'], names: ['routes'] },
  { promise: 'an empty file', routes: '', wrong: ['1:1'] },
  { promise: 'a file of comments', routes: '# nothing yet\n', wrong: ['1:1'] },
  { promise: 'an empty require', routes: required(''), wrong: ['3:14 routes[0].require'] },
  { promise: 'an empty list in require', routes: required('[]'), wrong: ['3:14 routes[0].require'] },
  { promise: 'an empty mapping in require', routes: required('{}'), wrong: ['3:14 routes[0].require'] },
  { promise: 'no conditions where some were promised', routes: required('{ user: {} }'), wrong: ['3:22 routes[0].require.user'] },
  { promise: 'conditions that are nothing', routes: required('{ user: }'), wrong: ['3:22 routes[0].require.user'] },
  { promise: 'conditions on public', routes: required('{ public: { scope: a } }'), wrong: ['3:16 routes[0].require.public'] },
  { promise: 'public beside others', routes: required('[user, public]'), wrong: ['3:21 routes[0].require[1]'] },
  { promise: 'two words in one mapping', routes: required('{ user: { scope: a }, client: { scope: b } }'), wrong: ['3:14 routes[0].require'] },
  { promise: 'an agent', routes: required('agent'), wrong: ['3:14 routes[0].require'] },
  { promise: 'a list in a list', routes: required('[[user]]'), wrong: ['3:15 routes[0].require[0]'] },
  { promise: 'every bad alternative, not only the first', routes: required('[usr, { client: { scop: a } }]'), wrong: ['3:15 routes[0].require[0]', '3:32 routes[0].require[1].client.scop'] },
  { promise: 'a misspelt condition', routes: required('{ user: { scopes: a } }'), wrong: ['3:24 routes[0].require.user.scopes'], names: ['did you mean "scope"?'] },
  ...['scope', 'any_scope', 'permission', 'any_permission', 'role', 'any_role', 'client_id', 'audience', 'acr'].flatMap((condition): Row[] => [
    { promise: `an empty list of ${condition}`, routes: required(`{ user: { ${condition}: [] } }`), wrong: [`3:${26 + condition.length} routes[0].require.user.${condition}`] },
    { promise: `an empty text as ${condition}`, routes: required(`{ user: { ${condition}: "" } }`), wrong: [`3:${26 + condition.length} routes[0].require.user.${condition}`] },
    { promise: `nothing as ${condition}`, routes: required(`{ user: { ${condition}: } }`), wrong: [`3:${26 + condition.length} routes[0].require.user.${condition}`] }
  ]),
  { promise: 'a number as scope', routes: required('{ user: { scope: 7 } }'), wrong: ['3:31 routes[0].require.user.scope'], names: ['quote'] },
  { promise: 'empty claims', routes: required('{ user: { claims: {} } }'), wrong: ['3:32 routes[0].require.user.claims'] },
  { promise: 'an empty list of values of a claim', routes: required('{ user: { claims: { a: [] } } }'), wrong: ['3:37 routes[0].require.user.claims.a'] },
  { promise: 'a claim path with an empty name', routes: required('{ user: { claims: { a..b: 1 } } }'), wrong: ['3:34 routes[0].require.user.claims["a..b"]'] },
  { promise: 'nothing as the value of a claim', routes: required('{ user: { claims: { a: null } } }'), wrong: ['3:37 routes[0].require.user.claims.a'] },
  ...['0', '-1', '1.5', '"soon"', '0s'].map((age): Row => ({ promise: `max_age ${age}`, routes: required(`{ user: { max_age: ${age} } }`), wrong: ['3:33 routes[0].require.user.max_age'] })),
  { promise: 'a where that does not parse', routes: required('{ user: { where: "claims.a ==" } }'), wrong: ['3:31 routes[0].require.user.where'] },
  { promise: 'a where that names an unknown variable', routes: required('{ user: { where: "clams.a == 1" } }'), wrong: ['3:31 routes[0].require.user.where'] },
  { promise: 'a where that is no yes or no', routes: required('{ user: { where: "1 + 1" } }'), wrong: ['3:31 routes[0].require.user.where'] },
  { promise: 'a where with wrong types', routes: required('{ user: { where: "principal.kind == 1" } }'), wrong: ['3:31 routes[0].require.user.where'] },
  { promise: 'a where with a regular expression', routes: required('{ user: { where: "claims.a.matches(\'^(a+)+$\')" } }'), wrong: ['3:31 routes[0].require.user.where'] },
  { promise: 'an empty where', routes: required('{ user: { where: "" } }'), wrong: ['3:31 routes[0].require.user.where'] },

  { promise: 'a method that is none', routes: 'routes:\n  - match: FETCH /a\n    require: user\n', wrong: ['2:12 routes[0].match'] },
  { promise: 'a match without a method', routes: 'routes:\n  - match: /a\n    require: user\n', wrong: ['2:12 routes[0].match'] },
  { promise: 'a path without its slash', routes: 'routes:\n  - match: GET admin/**\n    require: user\n', wrong: ['2:12 routes[0].match'] },
  { promise: 'two parameters in one segment', routes: 'routes:\n  - match: "GET /:a-:b-"\n    require: user\n', wrong: ['2:12 routes[0].match'] },
  { promise: 'a list of methods', routes: 'routes:\n  - match: [GET, /a]\n    require: user\n', wrong: ['2:12 routes[0].match'] },
  { promise: 'a rule that is no mapping', routes: 'routes:\n  - GET /a\n', wrong: ['2:5 routes[0]'] },

  { promise: 'two rules of equal precedence', routes: 'routes:\n  - match: GET|POST /a/:id\n    require: user\n  - match: POST /a/:key\n    require: client\n', wrong: ['4:12 routes[1].match'] },
  { promise: 'the same rule twice', routes: 'routes:\n  - match: ANY /a\n    require: user\n  - match: ANY /a\n    require: public\n', wrong: ['4:12 routes[1].match'] },
  { promise: 'a rule that can never match', routes: 'routes:\n  - match: GET /Orders\n    require: user\n  - match: GET /orders\n    require: public\n', wrong: ['2:12 routes[0].match', '4:12 routes[1].match'] },
  { promise: 'an id twice', routes: 'routes:\n  - match: GET /a\n    require: user\n    id: x\n  - match: GET /b\n    require: user\n    id: x\n', wrong: ['7:9 routes[1].id'] },
  { promise: 'a public * with the gateway\'s credential', routes: 'routes:\n  - match: GET /a/*\n    require: public\n', wrong: ['2:12 routes[0].match'] },

  { promise: 'an unknown issuer', routes: rule('    issuers: mian\n'), wrong: ['4:14 routes[0].issuers'], names: ['did you mean "main"?'] },
  { promise: 'an unknown issuer of a list', routes: rule('    issuers: [main, toString]\n'), wrong: ['4:21 routes[0].issuers[1]'] },
  { promise: 'an empty list of issuers', routes: rule('    issuers: []\n'), wrong: ['4:14 routes[0].issuers'] },
  { promise: 'an unknown issuer in defaults', routes: `defaults: { issuers: mian }\n${rule('')}`, wrong: ['1:22 defaults.issuers'] },
  { promise: 'no issuers where there are several', gateway: SECOND_ISSUER, routes: rule(''), wrong: ['2:5 routes[0]'], names: ['main', 'other'] },
  { promise: 'no upstream where there are several', gateway: SECOND_UPSTREAM, routes: rule(''), wrong: ['2:5 routes[0]'], names: ['erp', 'crm'] },
  { promise: 'an unknown upstream', routes: rule('    upstream: epr\n'), wrong: ['4:15 routes[0].upstream'], names: ['did you mean "erp"?'] },
  { promise: 'an inherited name as upstream', routes: rule('    upstream: constructor\n'), wrong: ['4:15 routes[0].upstream'] },

  { promise: 'a credential of a rule\'s own', routes: rule('    credential: basic\n'), wrong: ['4:17 routes[0].credential'] },
  { promise: 'a rewrite with a parameter that the match lacks', routes: rule('    rewrite: /v2/:id\n'), wrong: ['4:14 routes[0].rewrite'] },
  { promise: 'a rewrite with a * that the match lacks', routes: rule('    rewrite: /v2/*\n'), wrong: ['4:14 routes[0].rewrite'] },
  ...['v2/a', '/v2/../a', '/v2//a', '/a?b', '"/a#b"', '/*/a', '/%2e%2e/a', '/:a-b', '/a;b', '/a%2fb', '/a%zz', '/%25', '/a(:b)', '/a(:id', '/a(:id;v)', '/a((:id)', "/a(:id,':id)"].map((path): Row => ({ promise: `a rewrite to ${path}`, routes: rule(`    rewrite: ${path}\n`), wrong: ['4:14 routes[0].rewrite'] })),
  { promise: 'a rewrite of defaults that does not fit a match', routes: `defaults: { rewrite: /v2/* }\n${rule('')}`, wrong: ['3:12 routes[0].match'] },
  ...['30', '-1s', '1.5s', 'Infinity', '0s', '2h', '30 s', '30S'].map((time): Row => ({ promise: `timeout ${time}`, routes: rule(`    timeout: ${time}\n`), wrong: ['4:14 routes[0].timeout'] })),
  ...['10', '10MB', '-1KiB', '1e3B'].map((size): Row => ({ promise: `body_limit ${size}`, routes: rule(`    body_limit: ${size}\n`), wrong: ['4:17 routes[0].body_limit'] })),
  { promise: 'a limit with nothing in it', routes: rule('    rate_limit: { max: 0, per: 0s, by: all }\n'), wrong: ['4:24 routes[0].rate_limit.max', '4:32 routes[0].rate_limit.per', '4:40 routes[0].rate_limit.by'] },
  { promise: 'a limit that does not say by whom', routes: rule('    rate_limit: { max: 5, per: 1m }\n'), wrong: ['4:17 routes[0].rate_limit'] },
  { promise: 'an empty list of limits', routes: rule('    rate_limit: []\n'), wrong: ['4:17 routes[0].rate_limit'] },
  { promise: 'a retry that is none', routes: rule('    retry: {attempts: 11}\n'), wrong: ['4:23 routes[0].retry.attempts'] },
  ...['answer', '200', '600', '"503"', '503.5', '[]', 'true', '{}'].map((on): Row => ({ promise: `a retry on ${on}`, routes: rule(`    retry: {on: ${on}}\n`), wrong: ['4:17 routes[0].retry.on'] })),
  { promise: 'a misspelt word of on', routes: rule('    retry: {on: [connect, rest, 503]}\n'), wrong: ['4:27 routes[0].retry.on[1]'], names: ['did you mean "reset"?'] },
  ...['post', 'ANY', 'TRACE', '[]', '5'].map((methods): Row => ({ promise: `a retry of methods ${methods}`, routes: rule(`    retry: {methods: ${methods}}\n`), wrong: ['4:22 routes[0].retry.methods'] })),
  ...['0', '0.0', '1.5', '-0.5', '50', '"0.5"', '0%', 'half', 'true'].map((budget): Row => ({ promise: `a budget of ${budget}`, routes: rule(`    retry: {budget: ${budget}}\n`), wrong: ['4:21 routes[0].retry.budget'] })),
  { promise: 'a limit that does not know what becomes of it', gateway: `redis: { url: rediss://redis.example.com, keys: ${'A'.repeat(43)} }\n${GATEWAY}`, routes: rule('    rate_limit: { max: 5, per: 1m, by: user, on_store_failure: alow }\n'), wrong: ['4:64 routes[0].rate_limit.on_store_failure'], names: ['did you mean "allow"?'] },
  { promise: 'a misspelt key of retry', routes: rule('    retry: {attempt: 3}\n'), wrong: ['4:13 routes[0].retry.attempt'], names: ['did you mean "attempts"?'] },
  ...['refuse', 'shadow', 'true', '[report]'].map((word): Row => ({ promise: `enforce: ${word}`, routes: rule(`    enforce: ${word}\n`), wrong: ['4:14 routes[0].enforce'] })),
  { promise: 'a public rule that reports', routes: rule('    enforce: report\n').replace(/require: .*/, 'require: public'), wrong: ['4:5 routes[0].enforce'] },
  ...['%2e', '2f', '%2f%2f', '%', 7].map((escape): Row => ({ promise: `an escape ${escape} that no rule can admit`, routes: rule(`    escapes: ["%2f", ${typeof escape === 'number' ? escape : `"${escape}"`}]\n`), wrong: ['4:22 routes[0].escapes[1]'] })),
  { promise: 'no escapes in a list of them', routes: rule('    escapes: []\n'), wrong: ['4:14 routes[0].escapes'] },
  { promise: 'matrix that is neither', routes: rule('    matrix: some\n'), wrong: ['4:13 routes[0].matrix'] },
  { promise: 'escapes and matrix in defaults', routes: `defaults: { escapes: ["%2f"], matrix: true }\n${rule('')}`, wrong: ['1:13 defaults.escapes', '1:31 defaults.matrix'] },
  { promise: 'require in defaults', routes: `defaults: { require: public }\n${rule('')}`, wrong: ['1:13 defaults.require'] },
  { promise: 'match, id, enforce in defaults', routes: `defaults: { match: GET /, id: a, enforce: report }\n${rule('')}`, wrong: ['1:13 defaults.match', '1:27 defaults.id', '1:34 defaults.enforce'] },
  { promise: 'a reference to the environment in the policy', routes: rule('    upstream: ${UPSTREAM:-erp}\n'), wrong: ['4:15 routes[0].upstream'] },

  ...['Authorization', 'Proxy-Authorization', 'cookie', 'DPoP', 'X-Api-Key', 'X_Api_Key', 'Host', 'Content-Length', 'Transfer-Encoding', 'Connection', 'Expect', 'Upgrade', 'TE', 'Trailer', 'Keep-Alive', 'Proxy-Foo', 'X-Request-Id', 'traceparent', 'X-Forwarded-For', 'X-Forwarded-Proto', 'X-Forwarded-Host', '"a b"', '"a:b"', '"ä"', '""'].flatMap((name): Row[] => {
    const plain = name.replaceAll('"', '')
    const last = /^[\w-]+$/.test(plain) ? `.${plain}` : `["${plain}"]`
    return [
      { promise: `headers.set ${name}`, routes: rule(`    headers: { set: { ${name}: x } }\n`), wrong: [`4:23 routes[0].headers.set${last}`] },
      { promise: `identity ${name}`, routes: rule(`    identity: { headers: { ${name}: sub } }\n`), wrong: [`4:28 routes[0].identity.headers${last}`] }
    ]
  }),
  ...['""', '"a\\r\\nX-Admin: 1"', '" a"', '"ä"', '5'].map((value): Row => ({ promise: `a header's value ${value}`, routes: rule(`    headers: { set: { X-A: ${value} } }\n`), wrong: ['4:28 routes[0].headers.set.X-A'] })),
  { promise: 'a header in two spellings', routes: rule('    headers: { set: { X-A: 1a, X_a: 2b } }\n'), wrong: ['4:32 routes[0].headers.set.X_a'] },
  { promise: 'an identity header that headers sets', routes: rule('    headers: { set: { X-User: a } }\n    identity: { headers: { x-user: sub } }\n'), wrong: ['5:28 routes[0].identity.headers.x-user'] },
  ...['X-Forwarded-For', 'X-Forwarded-User', 'X-Forwarded-Email', 'X-Forwarded-Groups', 'X-Forwarded-Access-Token', 'X-Forwarded-Preferred-Username', 'X-Forwarded-Host', 'X-Forwarded-Proto', 'Authorization', 'Cookie', 'X-Forwarded-*'].map((name): Row => ({
    promise: `headers.keep ${name}`, routes: rule(`    headers: { keep: ["${name}"] }\n`), wrong: ['4:23 routes[0].headers.keep[0]']
  })),
  ...['Set-Cookie', 'WWW-Authenticate', 'Proxy-Authenticate', 'Content-Length', 'X-Request-Id', 'Connection'].map((name): Row => ({
    promise: `response_headers.set ${name}`, routes: rule(`    response_headers: { set: { ${name}: x } }\n`), wrong: [`4:32 routes[0].response_headers.set.${name}`]
  })),
  { promise: 'a header that carries the token of the upstream\'s session', gateway: `${GATEWAY}    csrf: { path: / }\n`, routes: rule('    headers: { set: { X-CSRF-Token: a } }\n'), wrong: ['4:23 routes[0].headers.set.X-CSRF-Token'] },
  { promise: 'a header that carries the upstream\'s credential', gateway: GATEWAY.replace('        audience: https://erp', '        header: X-Erp-Token\n        audience: https://erp'), routes: rule('    headers: { set: { x_erp_token: a } }\n'), wrong: ['4:23 routes[0].headers.set.x_erp_token'] },
  { promise: 'any rule for tokens where there are no issuers', gateway: 'upstreams: { erp: { url: https://erp.example.com, credential: none } }\n', routes: rule(''), wrong: ['3:14 routes[0].require'] }
]

for (const { promise, routes, gateway, wrong, names = [] } of REFUSED) {
  t.test(`routes.yaml is refused for ${promise}`, async t => {
    const { places, lines, configuration } = await load({ routes, ...gateway !== undefined && { gateway } })
    t.same(places, wrong.map(place => `routes.yaml:${place}`), lines.join('\n'))
    t.equal(configuration, undefined)
    for (const name of names) t.ok(lines.some(line => line.includes(name)), `names ${name}`)
  })
}

function matching (...matches: readonly string[]): string {
  return `routes:\n${matches.map(match => `  - match: ${match}\n    require: user\n`).join('')}`
}

const WARNED: readonly Row[] = [
  { promise: 'a narrower path that hides a method of a broader one', routes: 'routes:\n  - match: ANY /a/*\n    require: user\n  - match: GET /a/b\n    require: user\n', wrong: ['4:12 routes[1].match'] },
  { promise: 'an alternative that another makes idle', routes: required('[user, { user: { scope: a } }]'), wrong: ['3:21 routes[0].require[1]'] },
  { promise: 'a rewrite that loses a parameter', routes: 'routes:\n  - match: GET /a/:id\n    require: user\n    rewrite: /b\n', wrong: ['4:14 routes[0].rewrite'] },
  {
    promise: 'on_store_failure where there is no redis',
    routes: `defaults: { rate_limit: { max: 5, per: 1m, by: user, on_store_failure: deny } }\n${rule('    rate_limit: [{ max: 5, per: 1m, by: user }, { max: 5, per: 1h, by: user, on_store_failure: local }]\n')}`,
    wrong: ['1:72 defaults.rate_limit.on_store_failure', '5:96 routes[0].rate_limit[1].on_store_failure']
  },
  { promise: 'identity on a public rule', routes: 'routes:\n  - match: GET /a\n    require: public\n    identity: { headers: { X-User: sub } }\n', wrong: ['4:15 routes[0].identity'] },
  ...['$batch:name', '$metadata', 'odata', 'OData', 'K(:k)', 'sap/opu/odata/sap/API'].map((segment): Row => {
    const paths = [`/x/${segment.replace(':name', 'es')}`, '/x/y/:z', '/x/y/*', '/x/:y/:z/*', '/x/:y']
    return { promise: `what does not let $batch through, beside ${segment}`, routes: matching(...paths.map(path => `POST ${path}`)), wrong: ['4:12 routes[1].match', '6:12 routes[2].match', '8:12 routes[3].match', '10:12 routes[4].match'] }
  }),
  { promise: 'ANY that does not let $batch through', routes: matching('ANY /odata/:x', 'GET /odata/:y/:z', 'ANY /odata/K(:k)'), wrong: ['2:12 routes[0].match'] },
  { promise: 'enforce: report', routes: rule('    enforce: report\n'), wrong: ['4:5 routes[0].enforce'] },
  { promise: 'escapes and matrix where there are no parameters', routes: rule('    escapes: ["%2F"]\n    matrix: true\n'), wrong: ['4:5 routes[0].escapes', '5:5 routes[0].matrix'] },
  { promise: 'a rewrite that loses a key', routes: 'routes:\n  - match: GET /a(:id)\n    require: user\n    rewrite: /b\n', wrong: ['4:14 routes[0].rewrite'] },
  { promise: 'a kind that the IdP never proves', gateway: GATEWAY.replace('auth0\n', 'zitadel\n'), routes: required('user'), wrong: ['3:14 routes[0].require'] }
]

for (const { promise, routes, gateway, wrong } of WARNED) {
  t.test(`routes.yaml loads with a warning for ${promise}`, async t => {
    const { places, lines, configuration } = await load({ routes, ...gateway !== undefined && { gateway } })
    t.same(places, wrong.map(place => `warning routes.yaml:${place}`), lines.join('\n'))
    t.ok(configuration)
  })
}

t.test('no warning where $batch is named, where no POST comes there, and where nothing looks like OData', async t => {
  for (const routes of [
    matching('POST /odata/:x', 'POST /odata/%24Batch'), matching('POST /odata/*', 'POST /odata/:x/y/$batch'), matching('GET|PUT /odata/*', 'ANY /odata/K(:k)/x', 'ANY /odata/x'),
    matching('POST /a/:x', 'POST /b/*', 'POST /odatax', 'POST /x$batch', 'POST /k()'), matching('POST /*', 'POST /sap/opu/odata/$batch')
  ]) {
    const { places, configuration } = await load({ routes })
    t.same(places, [])
    t.ok(configuration)
  }
})

t.test('a rewrite takes a key in both forms, and what a rule admits is settled with it', async t => {
  const { configuration, lines } = await load({
    routes: `routes:
  - { match: "GET /a(:id)", require: user, rewrite: "/b/:id", escapes: ["%2F", "%25", "%2f"] }
  - { match: "GET /c/:id", require: user, rewrite: "/d(':id')", matrix: true }
  - { match: "GET /e(:id)", require: user, rewrite: "/f(x=:id)/g", escapes: "%3b", matrix: false }
  - { match: "GET /g/:id", require: user }
`
  })
  t.same(lines, [])
  t.same(configuration?.routes.map(({ grants }) => grants), [{ escapes: ['%2f', '%25'], matrix: false }, { escapes: [], matrix: true }, { escapes: ['%3b'], matrix: false }, undefined])
})
