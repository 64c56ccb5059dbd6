import t from 'tap'
import { GATEWAY, gatewayWith, load, ROUTES, SECRET } from './files.ts'

const env = { ERP_SECRET: SECRET }

interface Row {
  readonly promise: string
  readonly gateway: string
  readonly routes?: string
  /** line:column and path */
  readonly wrong: readonly string[]
  readonly names?: readonly string[]
}

const first = (line: string) => `${line}\n${GATEWAY}`
const issuer = (line: string) => gatewayWith('    idp: auth0\n', `    idp: auth0\n    ${line}\n`)
const machine = (line: string) => gatewayWith('        client_id: middleware\n', `        client_id: middleware\n        ${line}\n`)
const upstream = (line: string) => `${GATEWAY}    ${line}\n`
const urlsOf = (urls: string) => gatewayWith('    url: https://erp.example.com', `    url: ${urls}`)
const credential = (value: string) => `${GATEWAY.slice(0, GATEWAY.indexOf('    credential:'))}    credential: ${value}\n`

const URL_KEYS = [
  { key: 'issuers.main.issuer', at: '3:13', put: (url: string) => gatewayWith('https://tenant.eu.auth0.com/', url) },
  { key: 'issuers.main.jwks_uri', at: '5:15', put: (url: string) => issuer(`jwks_uri: ${url}`) },
  { key: 'issuers.main.discovery', at: '5:16', put: (url: string) => issuer(`discovery: ${url}`) },
  { key: 'upstreams.erp.url', at: '8:10', put: (url: string) => gatewayWith('    url: https://erp.example.com', `    url: ${url}`) },
  { key: 'upstreams.erp.credential.client_credentials.token_endpoint', at: '11:25', put: (url: string) => gatewayWith('issuer: main', `token_endpoint: ${url}`) }
]

const BAD_URLS = [
  'http://idp.example.com', 'http://10.0.0.1/', 'http://0.0.0.0/', 'http://127.0.0.1.example.com/', 'http://localhost.example.com/', 'http://169.254.169.254/latest/',
  'https://169.254.169.254/latest/', 'http://[::ffff:10.0.0.1]/', 'file:///etc/passwd', 'data:application/json,{}', 'ftp://example.com/', 'javascript:alert(1)', 'example.com', '/keys',
  `https://user:${SECRET}@example.com/`, 'https://user@example.com/', 'https://example.com/#a', 'https://', '"https://exa mple.com"', '"https://example.com\\\\x"', '5', '[https://example.com]', '{}'
]

const REFUSED: readonly Row[] = [
  ...URL_KEYS.flatMap(({ key, at, put }) => BAD_URLS.filter(url => key !== 'upstreams.erp.url' || !url.startsWith('[')).map((url): Row => ({ promise: `${key} ${url.replace(SECRET, 'password')}`, gateway: put(url), wrong: [`${at} ${key}`] }))),
  { promise: 'a query in an issuer', gateway: gatewayWith('https://tenant.eu.auth0.com/', 'https://tenant.eu.auth0.com/?a=b'), wrong: ['3:13 issuers.main.issuer'] },
  { promise: 'a query in an upstream\'s url', gateway: gatewayWith('    url: https://erp.example.com', '    url: https://erp.example.com/?a=b'), wrong: ['8:10 upstreams.erp.url'] },

  { promise: 'an unknown key', gateway: first('listne: {}'), wrong: ['1:1 listne'], names: ['did you mean "listen"?'] },
  ...['65536', '-1', '80.5', '"http"', 'true'].map((port): Row => ({ promise: `port ${port}`, gateway: first(`listen: { port: ${port} }`), wrong: ['1:17 listen.port'] })),
  { promise: 'the admin port on the callers\' port', gateway: first('admin: { host: 0.0.0.0, port: 8080 }'), wrong: ['1:31 admin.port'] },
  ...['10.0.0.0/33', '10.0.0', 'proxy.example.com', 'fd00::/129', '10.0.0.0/8/8', '10.0.0.0/', '1'].map((network): Row => ({ promise: `trusted proxy ${network}`, gateway: first(`listen: { trusted_proxies: [${network}] }`), wrong: ['1:29 listen.trusted_proxies[0]'] })),
  ...['32', '32KB', '0B', '2GiB'].map((size): Row => ({ promise: `max_header_size ${size}`, gateway: first(`listen: { max_header_size: ${size} }`), wrong: ['1:28 listen.max_header_size'] })),
  { promise: 'a limit by anything but address', gateway: first('listen: { rate_limit: { max: 5, per: 1s, by: client }, trusted_proxies: 10.0.0.1 }'), wrong: ['1:42 listen.rate_limit.by'] },
  { promise: 'log words', gateway: first('log: { level: verbose, requests: 1 }'), wrong: ['1:15 log.level', '1:34 log.requests'] },
  { promise: 'a relative problems_base', gateway: first('problems_base: /problems/'), wrong: ['1:16 problems_base'] },
  { promise: 'telemetry that sends nothing', gateway: first('telemetry: { otlp: { endpoint: https://o.example.com } }'), wrong: ['1:20 telemetry.otlp'] },
  { promise: 'telemetry in the clear', gateway: first('telemetry: { otlp: { endpoint: http://o.example.com, traces: {} } }'), wrong: ['1:32 telemetry.otlp.endpoint'], names: ['allow_http'] },
  { promise: 'telemetry to a link-local address', gateway: first('telemetry: { otlp: { endpoint: http://169.254.169.254, allow_http: true, traces: {} } }'), wrong: ['1:32 telemetry.otlp.endpoint'] },
  { promise: 'a collector\'s URL with a password', gateway: first('telemetry: { otlp: { endpoint: https://a:b@o.example.com, traces: {} } }'), wrong: ['1:32 telemetry.otlp.endpoint'] },
  ...['0%', '0', '101%', 'all'].map((sample): Row => ({ promise: `a sample of ${sample}`, gateway: first(`telemetry: { otlp: { endpoint: https://o.example.com, traces: { sample: ${sample} } } }`), wrong: ['1:73 telemetry.otlp.traces.sample'] })),
  { promise: 'a header that frames what the collector gets', gateway: first('telemetry: { otlp: { endpoint: https://o.example.com, metrics: {}, headers: { Content-Length: "1" } } }'), wrong: ['1:79 telemetry.otlp.headers.Content-Length'] },
  { promise: 'telemetry without a place to go', gateway: first('telemetry: { service_name: a }'), wrong: ['1:12 telemetry'], names: ['otlp'] },
  { promise: 'report mode for a whole upstream', gateway: upstream('enforce: report'), wrong: ['15:5 upstreams.erp.enforce'], names: ['in a rule'] },

  { promise: 'no upstreams', gateway: GATEWAY.slice(0, GATEWAY.indexOf('upstreams:')), wrong: ['1:1'], names: ['upstreams'] },
  { promise: 'empty upstreams', gateway: `${GATEWAY.slice(0, GATEWAY.indexOf('upstreams:'))}upstreams: {}\n`, wrong: ['6:12 upstreams'] },
  { promise: 'an issuer\'s name with blanks', gateway: gatewayWith('  main:', '  "my main":').replace('issuer: main', 'issuer: my main'), wrong: ['2:3 issuers["my main"]'] },
  { promise: 'an issuer without audience', gateway: gatewayWith('    audience: https://api.example.com\n', ''), wrong: ['3:5 issuers.main'], names: ['audience', 'allowed_clients'] },
  ...['[]', '""', 'null'].map((audience): Row => ({ promise: `audience ${audience}`, gateway: gatewayWith('audience: https://api.example.com', `audience: ${audience}`), wrong: ['5:15 issuers.main.audience'] })),
  { promise: 'empty allowed_clients', gateway: issuer('allowed_clients: []'), wrong: ['5:22 issuers.main.allowed_clients'] },
  { promise: 'an unknown idp, with the nearest', gateway: gatewayWith('idp: auth0', 'idp: keyclaok'), wrong: ['4:10 issuers.main.idp'], names: ['did you mean "keycloak"?'] },
  { promise: 'Cognito without allowed_clients', gateway: gatewayWith('idp: auth0', 'idp: cognito'), wrong: ['3:5 issuers.main'], names: ['allowed_clients'] },
  ...['none', 'NONE', 'HS256', 'HS512', 'RS1'].map((algorithm): Row => ({ promise: `algorithm ${algorithm}`, gateway: issuer(`algorithms: [RS256, ${algorithm}]`), wrong: ['5:25 issuers.main.algorithms[1]'] })),
  { promise: 'no algorithms', gateway: issuer('algorithms: []'), wrong: ['5:17 issuers.main.algorithms'] },
  ...['Infinity', '.inf', '1e309', '1e309s', '-1', '-1s', '"30"', '86401s', '301s', '6m', '5', 'null'].map((time): Row => ({ promise: `clock_tolerance ${time}`, gateway: issuer(`clock_tolerance: ${time}`), wrong: ['5:22 issuers.main.clock_tolerance'] })),
  ...['claims', 'access_token_when', 'user_when', 'client_when'].flatMap((key): Row[] => ['{}', '[]', '""', '{ a: [] }', '{ a: }', '{ "": a }'].map(value => ({
    promise: `${key} ${value}`, gateway: issuer(`${key}: ${value}`), wrong: [`5:${placeOf(key, value)}`]
  }))),
  { promise: 'a marker that ID tokens carry too', gateway: issuer('access_token_when: { sub: a, iss: b }'), wrong: ['5:24 issuers.main.access_token_when'] },
  { promise: 'the same marker for users and clients', gateway: issuer('user_when: { t: a }\n    client_when: { t: a }'), wrong: ['6:18 issuers.main.client_when'] },
  { promise: 'one `iss` twice', gateway: gatewayWith('upstreams:', '  again: { issuer: https://tenant.eu.auth0.com/, idp: auth0, audience: b }\nupstreams:'), routes: 'defaults: { issuers: main }\nroutes:\n  - { match: GET /a, require: user }\n', wrong: ['6:20 issuers.again.issuer'] },

  { promise: 'an upstream without url', gateway: gatewayWith('    url: https://erp.example.com\n', ''), wrong: ['8:5 upstreams.erp'], names: ['url is missing'] },
  { promise: 'an upstream with two keys for its URLs', gateway: upstream('urls: [https://a.example.com]'), wrong: ['15:5 upstreams.erp.urls'], names: ['did you mean "url"?'] },
  ...[
    ['no URLs', '[]', '8:10 upstreams.erp.url'],
    ['URLs of two schemes', '[https://a.example.com, http://127.0.0.1:8080]', '8:34 upstreams.erp.url[1]'],
    ['URLs of two paths', '[https://a.example.com/erp, https://b.example.com]', '8:38 upstreams.erp.url[1]'],
    ['a URL twice', '[https://a.example.com, https://a.example.com/]', '8:34 upstreams.erp.url[1]'],
    ['a link-local URL of several', '[https://a.example.com, https://169.254.169.254]', '8:34 upstreams.erp.url[1]']
  ].map(([promise = '', urls = '', wrong = '']): Row => ({ promise, gateway: urlsOf(urls), wrong: [wrong] })),
  ...[
    ['connect_timeout: 1ms', '22 upstreams.erp.connect_timeout'], ['timeout: 0s', '14 upstreams.erp.timeout'], ['idle_timeout: 25h', '19 upstreams.erp.idle_timeout'], ['total_timeout: 5', '20 upstreams.erp.total_timeout'],
    ['balance: random', '14 upstreams.erp.balance'], ['concurrency: {}', '18 upstreams.erp.concurrency'], ['concurrency: { max: 0 }', '25 upstreams.erp.concurrency.max'], ['concurrency: { max: 5, queue: -1 }', '35 upstreams.erp.concurrency.queue'],
    ['concurrency: { max: 5, queue_timeout: 6m }', '43 upstreams.erp.concurrency.queue_timeout'], ['concurrency: { max: 5, que: 1 }', '28 upstreams.erp.concurrency.que'],
    ['breaker: { failures: 0 }', '26 upstreams.erp.breaker.failures'], ...['0%', '101%', '50', '"50"', '1.5', '0', '"0.0"', '"1.5"', '-0.5', '5 %', '050%', 'true'].map(rate => [`breaker: { failure_rate: ${rate} }`, '30 upstreams.erp.breaker.failure_rate']),
    ['retry: always', '12 upstreams.erp.retry'], ['retry: { attempts: 1 }', '24 upstreams.erp.retry.attempts'], ['retry: { on: [connect, answer] }', '28 upstreams.erp.retry.on[1]'], ['retry: { on: ["200"] }', '19 upstreams.erp.retry.on[0]'], ['retry: { budget: 0% }', '22 upstreams.erp.retry.budget'],
    ['eject_max: 0%', '16 upstreams.erp.eject_max'], ['eject_for: 10', '16 upstreams.erp.eject_for'], ['eject_after: 0', '18 upstreams.erp.eject_after'],
    ['csrf: {}', '11 upstreams.erp.csrf'], ['csrf: /token', '11 upstreams.erp.csrf'], ...['token', '"/a b"', '"/a#b"', '/ü'].map(path => [`csrf: { path: ${path} }`, '19 upstreams.erp.csrf.path']),
    ...['Cookie', 'Authorization', 'X-Api-Key', 'Host', 'X-Request-Id', 'X-Http-Method-Override', '"A B"'].map(header => [`csrf: { path: /, header: ${header} }`, '30 upstreams.erp.csrf.header']),
    ['csrf: { path: /, methods: [] }', '31 upstreams.erp.csrf.methods'], ['csrf: { path: /, methods: [POST, GET] }', '38 upstreams.erp.csrf.methods[1]'], ['csrf: { path: /, sessions: 0 }', '32 upstreams.erp.csrf.sessions'], ['csrf: { path: /, max_age: 0s }', '31 upstreams.erp.csrf.max_age'], ['csrf: { path: /, timeout: 6m }', '31 upstreams.erp.csrf.timeout'],
    ['health_check: {}', '19 upstreams.erp.health_check'], ['health_check: { path: health }', '27 upstreams.erp.health_check.path'], ['health_check: { path: /health, expect: [20] }', '45 upstreams.erp.health_check.expect[0]']
  ].map(([line = '', wrong = '']): Row => ({ promise: line, gateway: upstream(line), wrong: [`15:${wrong}`] })),
  { promise: 'an unknown erp, with the nearest', gateway: upstream('erp: netsuit'), wrong: ['15:10 upstreams.erp.erp'], names: ['did you mean "netsuite"?'] },
  ...['a&b', '"a;b"', 'a=b', 'a%20b', 'a+b', '"a b"', '"a[]"', '""', '5', '"\u00e9"'].map((name): Row => ({ promise: `refuse_query ${name}`, gateway: upstream(`refuse_query: ["ok", ${name}]`), wrong: ['15:26 upstreams.erp.refuse_query[1]'] })),
  { promise: 'no refuse_query', gateway: upstream('refuse_query: []'), wrong: ['15:19 upstreams.erp.refuse_query'] },
  ...[
    ['[]', '18'], ['{}', '18'], ['[5]', '19', '[0]'], ['[{ to: "2099-01-01T00:00:00Z" }]', '19', '[0]'], ['[{ from: "2099-01-01T00:00:00Z" }]', '19', '[0]'], ['[{ from: "2099-01-01T00:00:00Z", to: "2098-01-01T00:00:00Z" }]', '55', '[0].to'],
    ...['"2099-01-01"', '"2099-01-01T00:00:00"', '"2099-02-30T00:00:00Z"', '"2099-01-01 00:00:00Z"', '5', 'soon'].map(to => [`[{ from: "2098-01-01T00:00:00Z", to: ${to} }]`, '55', '[0].to']),
    ...['"* * * *"', '"@daily"', '"0 0 0 * * *"', '"61 * * * *"', '"0 0 30 2 *"', '"0 0 * * 8"', '5'].map(cron => [`[{ for: 1h, cron: ${cron} }]`, '36', '[0].cron']),
    ['[{ cron: 0 0 * * *, for: 0s }]', '43', '[0].for'], ['[{ cron: 0 0 * * *, for: 169h }]', '43', '[0].for'], ['[{ cron: 0 0 * * *, for: 24h }]', '43', '[0].for'], ['[{ cron: 0 0 * * * }]', '19', '[0]'],
    ...['Europe/Berlim', '"+01:00"', '5', '""'].map(zone => [`[{ cron: 0 0 * * *, for: 1h, time_zone: ${zone} }]`, '58', '[0].time_zone']),
    ['[{ cron: 0 0 * * *, for: 1h, from: "2099-01-01T00:00:00Z" }]', '47', '[0].from']
  ].map(([windows = '', column = '', below = '']): Row => ({ promise: `maintenance ${windows}`, gateway: upstream(`maintenance: ${windows}`), wrong: [`15:${column} upstreams.erp.maintenance${below}`] })),
  { promise: 'an upstream without credential', gateway: GATEWAY.slice(0, GATEWAY.indexOf('    credential:')), wrong: ['8:5 upstreams.erp'], names: ['credential'] },
  ...['noen', '{}', '[]', '5', '{ none: {} }', '{ basic: {username: a, password: b}, headers: {X-A: b} }'].map((value): Row => ({
    promise: `credential ${value}`, gateway: credential(value), wrong: value === '{ none: {} }' ? ['9:19 upstreams.erp.credential.none'] : ['9:17 upstreams.erp.credential']
  })),
  { promise: 'a misspelt kind of credential', gateway: credential('{ client_credential: {} }'), wrong: ['9:19 upstreams.erp.credential.client_credential'], names: ['did you mean "client_credentials"?'] },
  { promise: 'client credentials by issuer and by endpoint', gateway: machine('token_endpoint: https://id.example.com/token'), wrong: ['11:9 upstreams.erp.credential.client_credentials'] },
  { promise: 'client credentials by neither', gateway: gatewayWith('        issuer: main\n', ''), wrong: ['11:9 upstreams.erp.credential.client_credentials'] },
  { promise: 'a machine issuer that is unknown', gateway: gatewayWith('issuer: main', 'issuer: mian'), wrong: ['11:17 upstreams.erp.credential.client_credentials.issuer'], names: ['did you mean "main"?'] },
  { promise: 'an auth_method that is none', gateway: machine('auth_method: basic'), wrong: ['13:22 upstreams.erp.credential.client_credentials.auth_method'] },
  ...['Host', 'Connection', 'X-Request-Id', 'Proxy-Authorization', '"A B"', '""'].map((header): Row => ({ promise: `the credential in ${header}`, gateway: machine(`header: ${header}`), wrong: ['13:17 upstreams.erp.credential.client_credentials.header'] })),
  { promise: 'a parameter that has its own key', gateway: machine('params: { grant_type: password }'), wrong: ['13:19 upstreams.erp.credential.client_credentials.params.grant_type'] },
  ...['""', '[]', '["a b", "\\\\"]', '"a  b"'].map((scope): Row => ({ promise: `scope ${scope}`, gateway: machine(`scope: ${scope}`), wrong: ['13:16 upstreams.erp.credential.client_credentials.scope'] })),
  { promise: 'a user name with a colon', gateway: credential(`{ basic: { username: "a:b", password: ${SECRET} } }`), wrong: ['9:38 upstreams.erp.credential.basic.username'] },
  { promise: 'no password', gateway: credential('{ basic: { username: a } }'), wrong: ['9:26 upstreams.erp.credential.basic'] },
  { promise: 'a credential header that is framing', gateway: credential(`{ headers: { Content-Length: ${SECRET} } }`), wrong: ['9:30 upstreams.erp.credential.headers.Content-Length'] },
  { promise: 'no credential headers', gateway: credential('{ headers: {} }'), wrong: ['9:28 upstreams.erp.credential.headers'] },
  { promise: 'an upstream\'s header that is its credential', gateway: upstream('headers: { set: { authorization: a } }'), wrong: ['15:23 upstreams.erp.headers.set.authorization'] },
  { promise: 'a header that carries the token of its session', gateway: upstream('csrf: { path: / }\n    headers: { set: { X_CSRF_Token: a } }'), wrong: ['16:23 upstreams.erp.headers.set.X_CSRF_Token'] },
  { promise: 'a credential that is a cookie, beside sessions', gateway: `${credential(`{ headers: { Cookie: ${SECRET} } }`)}    csrf: { path: / }\n`, wrong: ['10:5 upstreams.erp.csrf'] },
  { promise: 'a credential in the header of its session\'s token', gateway: `${credential(`{ headers: { X-Erp: ${SECRET} } }`)}    csrf: { path: /, header: x-erp }\n`, wrong: ['10:30 upstreams.erp.csrf.header'] },
  { promise: 'an upstream\'s response header that sets a cookie', gateway: upstream('response_headers: { set: { Set-Cookie: a } }'), wrong: ['15:32 upstreams.erp.response_headers.set.Set-Cookie'] }
]

function placeOf (key: string, value: string): string {
  const column = key.length + 7
  const path = `issuers.main.${key}`
  if (value === '{ a: [] }') return `${column + 5} ${path}.a`
  if (value === '{ a: }') return `${column + 5} ${path}.a`
  return value === '{ "": a }' ? `${column + 2} ${path}[""]` : `${column} ${path}`
}

for (const { promise, gateway, routes = ROUTES, wrong, names = [] } of REFUSED) {
  t.test(`gateway.yaml is refused for ${promise}`, async t => {
    const { places, lines, configuration } = await load({ gateway, routes, env })
    t.same(places, wrong.map(place => `gateway.yaml:${place}`), lines.join('\n'))
    t.equal(configuration, undefined)
    for (const name of names) t.ok(lines.some(line => line.includes(name)), `names ${name}`)
    t.notMatch(lines.join('\n'), SECRET)
  })
}

const ACCEPTED: readonly { readonly promise: string, readonly gateway: string, readonly wrong?: readonly string[] }[] = [
  ...['http://127.0.0.1:8081/', 'http://127.9.9.9/', 'http://[::1]:8080', 'http://localhost:3000/realms/x'].map(url => ({ promise: `loopback ${url}`, gateway: gatewayWith('https://tenant.eu.auth0.com/', url) })),
  { promise: 'http to elsewhere with allow_http', gateway: gatewayWith('https://tenant.eu.auth0.com/', 'http://idp.internal\n    allow_http: true') },
  { promise: 'a query where IdPs want one', gateway: issuer('jwks_uri: https://tenant.b2clogin.com/keys?p=B2C_1_signin') },
  { promise: 'port 0 for both', gateway: first('listen: { port: 0 }\nadmin: { port: 0 }') },
  { promise: 'proxies by address and block', gateway: first('listen: { trusted_proxies: [10.0.0.0/8, 192.168.1.1, fd00::/8, ::1] }') },
  { promise: 'no proxies', gateway: first('listen: { trusted_proxies: [] }') },
  { promise: 'allowed_clients in the place of audience', gateway: gatewayWith('audience: https://api.example.com', 'allowed_clients: saas') },
  { promise: 'a limit without proxies, warned', gateway: first('listen: { rate_limit: { max: 5, per: 1s } }'), wrong: ['1:23 listen.rate_limit'] },
  { promise: 'on_store_failure without redis, warned', gateway: first('listen: { trusted_proxies: 10.0.0.1, rate_limit: { max: 5, per: 1s, on_store_failure: allow } }'), wrong: ['1:87 listen.rate_limit.on_store_failure'] },
  { promise: 'a known IdP without idp, warned', gateway: gatewayWith('    idp: auth0\n', ''), wrong: ['3:13 issuers.main.issuer'] },
  ...['org.crm4.dynamics.com', 'org.api.crm.dynamics.com', 'api.businesscentral.dynamics.com', '1.suitetalk.api.netsuite.com', 'acme.my.salesforce.com', 'my1.s4hana.ondemand.com', 'my1-api.s4hana.cloud.sap', 'acme.fa.us2.oraclecloud.com', 'acme.fa.oraclecloud.com', 'acme.odoo.com']
    .map(host => ({ promise: `a known ERP without erp, warned: ${host}`, gateway: gatewayWith('    url: https://erp.example.com', `    url: https://${host}`), wrong: ['8:10 upstreams.erp.url'] })),
  ...['acme.dynamics.com', 'dynamics.com.example.com', 'my.salesforce.com.example.com', 'notodoo.com'].map(host => ({ promise: `no warning for ${host}`, gateway: gatewayWith('    url: https://erp.example.com', `    url: https://${host}`) })),
  { promise: 'no warning for a known ERP that is named', gateway: gatewayWith('    url: https://erp.example.com', '    url: https://acme.odoo.com\n    erp: generic') },
  { promise: 'a known ERP among several hosts, warned', gateway: gatewayWith('    url: https://erp.example.com', '    url: [https://acme.odoo.com]'), wrong: ['8:11 upstreams.erp.url[0]'] },
  { promise: 'a window that is over, warned', gateway: upstream('maintenance: [{ from: "2020-01-01T00:00:00Z", to: "2020-01-02T00:00:00Z" }]'), wrong: ['15:55 upstreams.erp.maintenance[0].to'] },
  { promise: 'windows to come', gateway: upstream('maintenance: [{ from: "2099-01-01T00:00:00+01:00", to: "2099-01-01T00:00:00Z" }, { cron: "0 22 * * SAT", for: 4h, time_zone: Europe/Berlin }]') },
  { promise: 'Oracle without a tenant, warned', gateway: gatewayWith('idp: auth0', 'idp: oracle'), wrong: ['3:5 issuers.main'] },
  { promise: 'Entra without a tenant, warned', gateway: gatewayWith('https://tenant.eu.auth0.com/\n    idp: auth0', 'https://login.microsoftonline.com/common/v2.0\n    idp: entra'), wrong: ['3:13 issuers.main.issuer'] },
  { promise: 'sessions without a held body, warned', gateway: upstream('csrf: { path: / }\n    hold_body: 0B'), wrong: ['16:16 upstreams.erp.hold_body'] },
  { promise: 'sessions by text, as the environment gives it', gateway: upstream('csrf: { path: "/a?sap-client=100", header: X-XSRF-Token, methods: POST, sessions: "4", max_age: 10m, timeout: 5s }') },
  { promise: 'a token size that never arrives, warned', gateway: first('listen: { max_token_size: 64KiB }'), wrong: ['1:27 listen.max_token_size'] }
]

for (const { promise, gateway, wrong = [] } of ACCEPTED) {
  t.test(`gateway.yaml loads with ${promise}`, async t => {
    const { places, configuration, lines } = await load({ gateway, env })
    t.same(places, wrong.map(place => `warning gateway.yaml:${place}`), lines.join('\n'))
    t.ok(configuration)
  })
}
