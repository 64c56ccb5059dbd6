import { randomBytes } from 'node:crypto'
import type { SeenRequest } from '../support/erp.ts'
import { registerSecret } from '../support/gateway.ts'
import { assertNoSecrets } from '../support/secrets.ts'
import { get, request, type Wanted } from '../gateway/gatehouse.ts'
import { runSection, startAttacked } from './gauntlet.ts'
import { credentials } from './rows/d-credentials.ts'

const routes = [
  { match: 'GET|POST /addresses', require: 'user' },
  { match: 'GET|POST /open', require: 'public' },
  { match: 'GET /bare', require: 'public', credential: 'none' }
]
const refusal = (status: number, code: string, error?: string): Wanted => ({ status, code, ...error !== undefined && { challenge: { error } } })
const MISSING: Wanted = { status: 401, code: 'credential-missing', challenge: {} }
const TWO = refusal(400, 'credential-ambiguous', 'invalid_request')
const MALFORMED = refusal(400, 'credential-malformed', 'invalid_request')
const IN_QUERY = refusal(400, 'credential-in-query', 'invalid_request')
const NO_HTTP = refusal(400, 'request-malformed')

const spellings = (name: string): string[] => [name, name.toLowerCase(), name.toUpperCase(), [...name].map((char, at) => at % 2 === 0 ? char.toLowerCase() : char.toUpperCase()).join('')]
const namesOf = ({ rawHeaders }: SeenRequest): string[] => rawHeaders.filter((_, at) => at % 2 === 0)
/** As a CGI-like server reads a header's name. */
const folded = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, '-')

function post (target: string, type: string, body: string, ...lines: readonly string[]): string {
  return `${request('POST', target, ...lines, `Content-Type: ${type}`, `Content-Length: ${Buffer.byteLength(body)}`)}${body}`
}

runSection(credentials, {
  async D01 (t) {
    const { idp, lets, refuses } = await startAttacked(t, { routes })
    const good = `Bearer ${idp.mint()}`
    await lets(t, get('/addresses', `Authorization: ${good}`))
    const others = [good, `Bearer ${idp.mint()}`, `Bearer ${idp.mint({ exp: 1 })}`, 'Bearer x', 'Basic dXNlcjpwYXNzd29yZA==', 'Negotiate', `DPoP ${idp.mint()}`, '']
    for (const target of ['/addresses', '/open', '/bare', '/nowhere']) {
      for (const [at, other] of others.entries()) {
        for (const name of target === '/addresses' ? spellings('Authorization') : spellings('Authorization').slice(at % 4, at % 4 + 1)) {
          await refuses(t, get(target, `Authorization: ${other}`, `${name}: ${good}`), TWO)
          await refuses(t, get(target, `${name}: ${good}`, 'X-Between: 1', `Authorization: ${other}`), TWO)
        }
      }
      await refuses(t, get(target, `Authorization: ${good}`, `Authorization: ${good}`, `Authorization: ${good}`), TWO)
      for (const comma of [',', ', ', ' , ', ',  ']) await refuses(t, get(target, `Authorization: ${good}${comma}${good}`), TWO)
      for (const joined of [`${good},`, `${good}, `.trim(), `,${good}`, `${good};${good}`, `${good} ${good}`, `Bearer a,${good.slice(7)}`]) await refuses(t, get(target, `Authorization: ${joined}`), MALFORMED)
      // A line that goes on in the next, a blank before the colon, a line end of one byte: a second header to others.
      for (const lines of [`Authorization: Bearer x\r\n ${good}`, `Authorization : ${good}`, `Authorization: Bearer x\nAuthorization: ${good}`, ` Authorization: ${good}`, `Authorization: Bearer x\rAuthorization: ${good}`, `Authorization\0: ${good}`, `Authorization: ${good}\0`]) {
        await refuses(t, get(target, lines), NO_HTTP)
      }
    }
  },

  async D03 (t) {
    const { idp, gateway, erp, lets, refuses } = await startAttacked(t, { routes })
    const token = idp.mint()
    const authorization = `Authorization: Bearer ${idp.mint()}`
    await lets(t, get('/addresses', `Authorization: Bearer ${token}`))
    const elsewhere = [
      ...['token', 'jwt', 'auth', 'bearer', 'bearer_token', 'Authorization', 'accessToken', 'access-token', 'api_key', 'key', 'code', 'assertion'].map(name => get(`/addresses?${name}=${token}`)),
      get(`/addresses?${token}`), get(`/addresses?a=Bearer%20${token}`),
      ...['Cookie: access_token=', 'Cookie: token=', 'Cookie: Authorization=Bearer%20', 'X-Access-Token: ', 'X-Authorization: Bearer ', 'X-Auth-Token: ', 'X-Id-Token: ', 'X-Api-Key: ', 'X-Forwarded-Access-Token: ', 'X-Forwarded-Authorization: Bearer ', 'Proxy-Authorization: Bearer ',
        'Sec-WebSocket-Protocol: ', 'Sec-WebSocket-Protocol: bearer, ', 'DPoP: ', 'Authentication: Bearer ', 'X-Original-Authorization: Bearer ', 'Bearer: ', 'Token: '].map(header => get('/addresses', `${header}${token}`)),
      ...['access_token', 'id_token', 'token', 'assertion'].flatMap(name => [
        post('/addresses', 'application/x-www-form-urlencoded', `${name}=${token}`),
        post('/addresses', 'application/json', JSON.stringify({ [name]: token })),
        post('/addresses', 'multipart/form-data; boundary=b', `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${token}\r\n--b--\r\n`)
      ])
    ]
    for (const asked of elsewhere) await refuses(t, asked, MISSING)
    const inQuery = ['access_token', 'id_token', 'ACCESS_TOKEN', 'Id_Token', 'access%5ftoken', '%61%63%63%65%73%73%5f%74%6f%6b%65%6e', '%20access_token', 'access_token%20'].flatMap(name => [`${name}=${token}`, `a=1&${name}=${token}`, `a=1;${name}=${token}`, `${name}=${token}&${name}=`, name])
    for (const [at, query] of inQuery.entries()) {
      for (const target of ['/addresses', '/open', '/nowhere']) await refuses(t, get(`${target}?${query}`, ...at % 2 === 0 ? [] : [authorization]), IN_QUERY)
      await refuses(t, post(`/addresses?${query}`, 'text/plain', 'x', authorization), IN_QUERY)
    }
    // Beside a good one, what is a credential by its name stays here; what else the caller says to the ERP is his.
    for (const header of ['Cookie: access_token=', 'X-Api-Key: ', 'X-Forwarded-Access-Token: ', 'Proxy-Authorization: Bearer ', 'DPoP: ', 'X-Forwarded-Authorization: Bearer ']) {
      t.notOk((await lets(t, get('/addresses', authorization, `${header}${token}`))).rawHeaders.join().includes(token), header)
    }
    const passed = post('/addresses?token=1&jwt=2', 'application/x-www-form-urlencoded', 'access_token=3', authorization)
    t.match(await lets(t, passed), { url: '/addresses?token=1&jwt=2', body: Buffer.from('access_token=3') })
    await refuses(t, get('/addresses', authorization, 'Connection: Upgrade', 'Upgrade: websocket', `Sec-WebSocket-Protocol: ${token}`), refusal(400, 'upgrade-unsupported'))
    t.notOk(erp.requests.some(({ rawHeaders, url }) => rawHeaders.join().includes(token) || url.includes(token)))
    assertNoSecrets(gateway.log, [token])
  },

  async D04 (t) {
    const { idp, gateway, erp, lets, refuses } = await startAttacked(t, { routes })
    const secret = registerSecret(`SECRET${randomBytes(24).toString('hex')}`, 'a token in the query')
    const authorization = `Authorization: Bearer ${idp.mint()}`
    for (const target of ['/addresses', '/open', '/bare', '/nowhere']) {
      for (const query of [`access_token=${secret}&x=1`, `x=1&access_token=${secret}`, `access_token=${encodeURIComponent(secret)}`, `id_token=${secret}`]) {
        for (const lines of [[], [authorization], ['Authorization: Basic x']]) {
          const { body, headers } = await refuses(t, get(`${target}?${query}`, ...lines), IN_QUERY)
          t.notOk(JSON.stringify([headers, body.toString()]).includes(secret))
        }
      }
    }
    // Wherever else a request breaks that holds it.
    const broken = [
      get(`/addresses/../x?access_token=${secret}`), get(`//x?access_token=${secret}`), get(`/${secret}`), get(`/${secret}%00`), get(`/addresses?token=${secret}#`), get(`http://gateway.test/addresses?access_token=${secret}`), get(`*?access_token=${secret}`),
      get(`/addresses?access_token=${secret}`, 'Host: two.test'), `GET /addresses?access_token=${secret} HTTP/9.9\r\nHost: a\r\n\r\n`, `GET /addresses?access_token=${secret}\r\n\r\n`, `GET /addresses?access_token=${secret} HTTP/1.1\r\nHost: a b\r\n\r\n`,
      `${secret} /addresses HTTP/1.1\r\nHost: a\r\n\r\n`, `CONNECT ${secret}:443 HTTP/1.1\r\nHost: a\r\n\r\n`, get(`/addresses?access_token=${secret}&x=${'x'.repeat(20_000)}`), get(`/addresses?access_token=${secret}&x=${'x'.repeat(40_000)}`),
      get('/addresses', `Authorization: Bearer "${secret}"`), get('/addresses', `Authorization: ${secret}`), get('/addresses', `Authorization: Bearer ${secret}`), get('/addresses', `${secret}: 1`, `Bad Name ${secret}: 1`), get('/addresses', `X_Forwarded_User: ${secret}`), get('/addresses', `X-HTTP-Method-Override: ${secret}`),
      get('/addresses', `X-Request-Id: ${secret}!`), post('/addresses', secret, secret), request(secret, '/addresses'), get('/addresses', `Content-Length: ${secret}`), get('/addresses', `Transfer-Encoding: ${secret}`), get('/addresses', `Expect: ${secret}`)
    ]
    for (const asked of broken) {
      const { response } = await gateway.raw(asked, { idle: 20 })
      t.ok(response.status >= 400 && response.status < 500, `${response.status} ${asked.slice(0, 30)}`)
      t.notOk(response.body.includes(secret))
    }
    t.same(erp.requests, [])
    // What is the caller's to say to the ERP passes, and is not written down.
    t.equal((await lets(t, get(`/addresses?q=${secret}`, authorization, `Referer: https://saas.example.com/?access_token=${secret}`, `Cookie: s=${secret}`))).url, `/addresses?q=${secret}`)
    t.ok(gateway.logLines().length > 60)
    assertNoSecrets(gateway.log, [secret])
    t.notOk((await gateway.admin('/metrics')).text.includes(secret))
    t.throws(() => { assertNoSecrets(`x ${secret} x`, [secret]) }, 'what looks for it finds it')
  },

  async D05 (t) {
    const { idp, gateway, erp, lets, refuses } = await startAttacked(t, { routes })
    const names = [
      'Cookie', 'Proxy-Authorization', 'DPoP', 'X-Api-Key', 'X-User', 'X-User-Id', 'X-User-Email', 'X-User-Name', 'X-User-Groups', 'X-User-Roles', 'X-Forwarded-User', 'X-Forwarded-Email', 'X-Forwarded-Groups', 'X-Forwarded-Preferred-Username', 'X-Forwarded-Access-Token', 'X-Forwarded-Client-Cert',
      'X-Auth-Request-User', 'X-Auth-Request-Email', 'X-Auth-Request-Groups', 'X-Auth-Request-Access-Token', 'X-Auth-Request-Redirect', 'Remote-User', 'X-Remote-User', 'X-Remote-Group', 'X-Remote-Extra-Scopes', 'SSL-Client-Verify', 'SSL-Client-S-DN', 'SSL-Client-Cert', 'X-SSL-Client-Cert', 'X-SSL-Client-Verify', 'X-Client-Cert',
      'X-Amzn-Oidc-Data', 'X-Amzn-Oidc-Identity', 'X-Amzn-Oidc-Accesstoken', 'Cf-Access-Jwt-Assertion', 'Cf-Access-Authenticated-User-Email', 'Cf-Access-Client-Id', 'X-Goog-Iap-Jwt-Assertion', 'X-Goog-Iap-Attestation', 'X-Real-IP', 'Forwarded', 'X-Original-URL', 'X-Rewrite-URL'
    ]
    const authorization = `Authorization: Bearer ${idp.mint()}`
    for (const target of ['/addresses', '/open', '/bare']) {
      for (const spelling of [0, 1, 2, 3]) {
        const lines = names.map(name => `${spellings(name)[spelling]}: smuggled`)
        const seen = await lets(t, get(target, ...target === '/addresses' ? [authorization] : [], 'X-Passes: honest', ...lines))
        t.same(seen.rawHeaders.filter((_value, at) => seen.rawHeaders[at + 1]?.includes('smuggled')), [])
        t.equal(seen.headers['x-passes'], 'honest')
      }
      await lets(t, get(target, authorization))
    }
    t.notOk(erp.requests.some(({ rawHeaders }) => rawHeaders.includes(authorization.slice(15))), 'nor the token by which he came')
    for (const name of [...names, 'SSL-Client-I-DN', 'Remote-User'].filter(name => name.includes('-')).map(name => name.replaceAll('-', '_'))) {
      for (const spelling of spellings(name).slice(0, 2)) await refuses(t, get('/open', `${spelling}: smuggled`), refusal(400, 'header-ambiguous'))
    }
    assertNoSecrets(gateway.log)
  },

  async D07 (t) {
    const written = ['x-user-id', 'x-erp-role', 'authorization', 'x-forwarded-for', 'x-request-id', 'host']
    const { idp, gateway, erp, lets, refuses } = await startAttacked(t, {
      routes: [
        { match: 'GET /addresses', require: 'user', identity: { headers: { 'X-User-Id': 'sub' } }, headers: { set: { 'X-Erp-Role': 'reader' }, remove: 'X-Debug' } },
        { match: 'GET /other', require: 'user' },
        { match: 'GET /open', require: 'public' }
      ]
    })
    const authorization = `Authorization: Bearer ${idp.mint()}`
    const ours = (await lets(t, get('/addresses', authorization))).headers
    t.match(ours, { 'x-user-id': 'user-1', 'x-erp-role': 'reader' })
    for (const target of ['/addresses', '/other', '/open']) {
      for (const name of ['X_User_Id', 'x-user_id', 'X_User-Id', 'x_user_id', 'X_USER_ID', 'X_Erp_Role', 'X-Erp_Role', 'X_Debug', 'X_Forwarded_For', 'X-Forwarded_User', 'X_Request_Id', 'Proxy_Authorization', 'X_Real_IP', 'Content_Length', 'Transfer_Encoding', 'Remote_User']) {
        await refuses(t, get(target, authorization, `${name}: 9`), refusal(400, 'header-ambiguous'))
      }
      // The hyphen U+2010 in UTF-8, and whatever else no name may have (RFC 9110 section 5.1).
      for (const name of ['X\xe2\x80\x90User', 'X\xe2\x80\x90User\xe2\x80\x90Id', 'X User Id', 'X-User-Id ', 'X-User-Id\t', 'X-User-Id\0', 'X(User)Id', 'X@User@Id', 'X/User/Id', 'X"User"Id', 'X[User]Id', '\xadX-User-Id', ' X-User-Id', '', 'X=User']) {
        await refuses(t, get(target, authorization, `${name}: 9`), NO_HTTP)
      }
      for (const mark of ['.', '~', '!', '#', '$', '%', '&', "'", '*', '+', '^', '`', '|']) {
        const lines = ['X-User-Id', 'X-Erp-Role', 'X-Forwarded-For', 'X-Forwarded-User', 'X-Request-Id', 'Remote-User'].map(name => `${name.replaceAll('-', mark)}: 9`)
        const seen = await lets(t, get(target, authorization, ...lines))
        for (const name of written) t.ok(namesOf(seen).filter(one => folded(one) === name).length <= 1, `${target} ${name} ${mark}`)
        if (target === '/addresses') t.match(seen.headers, { 'x-user-id': 'user-1', 'x-erp-role': 'reader' })
        else t.notOk(namesOf(seen).some(one => folded(one) === 'x-user-id'))
        t.notOk(namesOf(seen).some(one => ['x-forwarded-user', 'remote-user'].includes(folded(one))))
      }
    }
    await lets(t, get('/other', authorization, 'X_Innocent: 1'))
    t.equal(erp.malformed, 0)
    assertNoSecrets(gateway.log)
  },

  async D09 (t) {
    const { idp, lets, refuses } = await startAttacked(t, { routes })
    const agents = ['GoogleHC/1.0', 'kube-probe/1.29', 'ELB-HealthChecker/2.0', 'Amazon-Route53-Health-Check-Service', 'Consul Health Check', 'Envoy/HC', 'Prometheus/2.50.0', 'UptimeRobot/2.0', 'HAProxy', 'curl/8', '', 'countersign', 'Mozilla/5.0']
    for (const agent of agents) {
      for (const asked of [get('/addresses', `User-Agent: ${agent}`), get('/addresses', `user-agent: ${agent}`, 'X-Health-Check: 1', 'Metadata-Flavor: Google'), request('HEAD', '/addresses', `User-Agent: ${agent}`), request('POST', '/addresses', `User-Agent: ${agent}`, 'Content-Length: 0')]) {
        await refuses(t, asked, MISSING)
      }
      for (const target of ['/livez', '/metrics', '/healthz']) await refuses(t, get(target, `User-Agent: ${agent}`), refusal(404, 'route-not-found'))
    }
    t.equal((await lets(t, get('/addresses', 'User-Agent: kube-probe/1.29', `Authorization: Bearer ${idp.mint()}`))).headers['user-agent'], 'kube-probe/1.29')
  },

  async D10 (t) {
    const { idp, erp, lets, refuses } = await startAttacked(t, { routes })
    const authorization = `Authorization: Bearer ${idp.mint()}`
    const override = refusal(400, 'method-override')
    for (const name of ['X-HTTP-Method', 'X-HTTP-Method-Override', 'X-Method-Override', 'X_HTTP_Method_Override', 'X-HTTP_Method', 'X.Method.Override', 'x~http~method']) {
      for (const spelling of spellings(name)) {
        for (const target of ['/addresses', '/bare']) await refuses(t, get(target, authorization, `${spelling}: DELETE`), override)
      }
      await refuses(t, post('/addresses', 'text/plain', 'x', authorization, `${name}: DELETE`), override)
      for (const value of ['GET', 'get', '', 'PUT, DELETE']) await refuses(t, get('/addresses', authorization, `${name}: ${value}`), override)
    }
    for (const target of ['/addresses?_method=DELETE', '/addresses?x=1&_METHOD=delete', '/addresses?method=DELETE']) t.match(await lets(t, get(target, authorization)), { method: 'GET', url: target })
    const body = '_method=DELETE'
    t.match(await lets(t, post('/addresses', 'application/x-www-form-urlencoded', body, authorization)), { method: 'POST', body: Buffer.from(body) })
    for (const method of ['DELETE', 'PUT', 'PATCH']) await refuses(t, request(method, '/addresses', authorization), { ...refusal(405, 'method-not-allowed'), headers: { allow: /GET/ } })
    await refuses(t, request('get', '/addresses', authorization), NO_HTTP)
    t.ok(erp.requests.every(({ method }) => method === 'GET' || method === 'POST'))
  }
})
