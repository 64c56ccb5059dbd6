import type { Test } from 'tap'
import { createPrincipalCaches } from '../../src/inbound/principal-cache.ts'
import { createVerifier } from '../../src/inbound/verify.ts'
import { gatewayWith, load } from '../config/files.ts'
import { get, type Gatehouse, type Wanted } from '../gateway/gatehouse.ts'
import { startErp } from '../support/erp.ts'
import { startGateway } from '../support/gateway.ts'
import { startIdp } from '../support/idp.ts'
import { apiAudience } from '../support/mint.ts'
import { runSection, startAttacked } from './gauntlet.ts'
import { DEPTH, nestedToken } from './nested-token.ts'
import { claims } from './rows/c-claims.ts'
import { trustedIssuer } from './trusted-issuer.ts'

const path = '/addresses'
const routes = [{ match: `GET ${path}`, require: 'user' }]
const invalid = (code: string): Wanted => ({ status: 401, code, challenge: { error: 'invalid_token' } })
const forbidden = (code: string, scope?: string): Wanted => ({ status: 403, code, challenge: { error: 'insufficient_scope', ...scope !== undefined && { scope } } })
const seconds = (): number => Math.floor(Date.now() / 1000)

/** Of the values of a claim these are refused, and these are let through. */
async function tries (t: Test, { idp, lets, refuses }: Gatehouse, claim: string, refused: readonly unknown[], wanted: Wanted, accepted: readonly unknown[]): Promise<void> {
  for (const value of accepted) await lets(t, { path, token: idp.mint({ [claim]: value }) })
  for (const value of refused) {
    t.comment(`${claim}: ${JSON.stringify(value) ?? 'absent'}`)
    await refuses(t, { path, token: idp.mint({ [claim]: value }) }, wanted)
  }
  for (const way of ['list', 'object'] as const) {
    const answer = await refuses(t, { path, token: nestedToken(idp, claim, way) }, wanted)
    t.ok(answer.body.length < 1000, `${claim} nested ${DEPTH} deep is not written out`)
  }
}

runSection(claims, {
  async C01 (t) {
    const house = await startAttacked(t, { routes })
    const { idp: { issuer } } = house
    const evil = 'https://evil.example.com'
    await tries(t, house, 'iss', [
      [issuer], [issuer, evil], [evil, issuer], [[issuer]], [issuer, issuer], {}, { 0: issuer, length: 1 }, { toString: issuer }, { [issuer]: true }, [], [null], 1, 0, true, false, null, '', 'main', 'undefined', 'null',
      `${issuer},${evil}`, `${evil},${issuer}`, `["${issuer}"]`
    ], invalid('token-invalid'), [issuer])
  },

  async C02 (t) {
    const issuer = 'https://login.xn--bcher-kva.example/tenant'
    const idp = await startIdp(t, { alg: 'ES256', issuer: () => issuer })
    const erp = await startErp(t)
    const gateway = await startGateway(t, { idp, erp, routes })
    t.equal((await gateway.call({ path, token: idp.mint() })).status, 200)
    const alike = [
      'https://login.xn--bcher-kva.example/tenan', 'https://login.xn--bcher-kva.example', 'login.xn--bcher-kva.example/tenant', 'tenant', 'https://', `${issuer}/`, `${issuer}2`, `${issuer}/..`, `${issuer}/../tenant`, `${issuer}/.`,
      `${issuer}?`, `${issuer}#`, `${issuer}?x=1`, `${issuer} `, ` ${issuer}`, `${issuer}\n`, `${issuer}\u0000`, `${issuer}\u0000.evil.example`, `${issuer}\u200b`, `\ufeff${issuer}`, `${issuer}.evil.example`, `https://evil.example/${issuer}`, `${issuer}@evil.example`,
      issuer.toUpperCase(), issuer.replace('https', 'HTTPS'), issuer.replace('login', 'Login'), issuer.replace('tenant', 'Tenant'), issuer.replace('https', 'http'), issuer.replace('https:', ''), issuer.replace('//', '///'), issuer.replace('//', '/'), issuer.replace('//', '\\\\'),
      issuer.replace('//', '//user@'), issuer.replace('//', '//user:password@'), issuer.replace('//', '//login.evil.example@'), issuer.replace('.example/', '.example:443/'), issuer.replace('.example/', '.example:/'), issuer.replace('.example/', '.example./'), issuer.replace('.example/', '.example//'),
      issuer.replace('xn--bcher-kva', 'b\u00fccher'), issuer.replace('xn--bcher-kva', 'bu\u0308cher'), issuer.replace('xn--bcher-kva', 'XN--BCHER-KVA'), issuer.replace('tenant', '%74enant'), issuer.replace('tenant', 'ten\u0430nt'), issuer.replaceAll('.', '\u3002'), issuer.replace('example', '\uff45xample')
    ]
    const answers = new Set<string>()
    for (const iss of alike) {
      const { status, code, problem } = await gateway.call({ path, token: idp.mint({ iss }) })
      t.equal(`${status} ${code}`, '401 token-invalid', iss)
      answers.add(problem?.detail ?? '')
    }
    t.equal(answers.size, 1, 'none is told which check it was')
    t.equal(erp.requests.length, 1, 'the ERP saw the good one alone')
    t.equal((await gateway.call({ path, token: idp.mint() })).status, 200)
  },

  async C03 (t) {
    const kinds = ['user', 'client', 'user|client', { user: { scope: 'x' } }, ['client', 'user']]
    const { idp, lets, refuses } = await startAttacked(t, { routes: [...kinds.map((require, at) => ({ match: `GET /r${at}`, require })), { match: 'GET /open', require: 'public' }] })
    await lets(t, { path: '/r0', token: idp.mint() })
    await lets(t, { path: '/open' })
    for (const at of kinds.keys()) {
      for (const iss of ['https://unknown.example.com', 'urn:none', undefined, 'main']) {
        await refuses(t, { path: `/r${at}`, token: idp.mint({ iss }) }, invalid('token-invalid'))
        await refuses(t, { path: `/r${at}`, token: idp.mintClient({ iss }) }, invalid('token-invalid'))
      }
      await refuses(t, { path: `/r${at}` }, { status: 401, code: 'credential-missing', challenge: {} })
    }
    const two: Wanted = { status: 400, code: 'credential-ambiguous', challenge: { error: 'invalid_request' } }
    const strange = `Authorization: Bearer ${idp.mint({ iss: 'urn:none' })}`
    for (const other of [`Authorization: Bearer ${idp.mint()}`, 'Authorization: Basic dXNlcjpwYXNzd29yZA==', 'Authorization: Negotiate', `authorization: DPoP ${idp.mint()}`]) {
      for (const target of ['/r0', '/open']) {
        await refuses(t, get(target, strange, other), two)
        await refuses(t, get(target, other, strange), two)
      }
    }
  },

  async C04 (t) {
    await tries(t, await startAttacked(t, { routes }), 'aud', [
      [], [''], null, undefined, '', ' ', 1, 0, true, {}, { [apiAudience]: 1 }, { 0: apiAudience }, { length: 1, 0: apiAudience }, [[apiAudience]], [{ aud: apiAudience }], [apiAudience, 7], [apiAudience, null], [apiAudience, ['x']], [7, apiAudience],
      `${apiAudience}2`, `x ${apiAudience}`, `${apiAudience} x`, `${apiAudience},x`, apiAudience.toUpperCase(), apiAudience.slice(0, -1), apiAudience.slice(1), `${apiAudience}/`, `${apiAudience}\u0000`, ` ${apiAudience}`, ['x'], [`${apiAudience} x`],
      `["${apiAudience}"]`, '*', ['*'], 'null', 'undefined', 'constructor', '__proto__'
    ], invalid('audience-mismatch'), [apiAudience, [apiAudience], ['x', apiAudience], [apiAudience, 'x'], ['', apiAudience], Array(500).fill('x').concat(apiAudience)])
  },

  async C05 (t) {
    const { idp, lets, refuses } = await startAttacked(t, { routes: [{ match: `GET ${path}`, require: 'user|client' }] })
    const without = (...names: string[]) => Object.fromEntries(names.map(name => [name, undefined]))
    for (const mint of [idp.mintUser, idp.mintClient]) {
      await lets(t, { path, token: mint() })
      await refuses(t, { path, token: mint(without('iss')) }, invalid('token-invalid'))
      await refuses(t, { path, token: mint(without('aud')) }, invalid('audience-mismatch'))
      await refuses(t, { path, token: mint(without('exp')) }, invalid('token-times'))
      await refuses(t, { path, token: mint(without('exp', 'iat')) }, invalid('token-times'))
      await refuses(t, { path, token: mint(without('aud', 'exp', 'sub')) }, invalid('token-times'))
      await refuses(t, { path, token: mint(without('sub')) }, forbidden('principal-kind'))
      await refuses(t, { path, token: mint(without('client_id')) }, forbidden('principal-kind'))
      await refuses(t, { path, token: mint(without('sub', 'client_id')) }, forbidden('principal-kind'))
      await refuses(t, { path, token: mint({}, { payload: '{}' }) }, invalid('token-invalid'))
      await refuses(t, { path, token: mint({}, { payload: JSON.stringify({ iss: idp.issuer }) }) }, invalid('token-times'))
      await refuses(t, { path, token: mint({}, { header: { typ: undefined } }) }, invalid('token-kind'))
    }
  },

  async C06 (t) {
    const { idp, lets, refuses } = await startAttacked(t, {
      changes: { issuers: { main: { audience: ['urn:a', 'urn:b'] } } },
      routes: ['a', 'b'].flatMap(name => [{ match: `GET /${name}`, require: { user: { audience: `urn:${name}` } } }, { match: `GET /either-${name}`, require: 'user' }])
    })
    for (const [own, other] of [['a', 'b'], ['b', 'a']]) {
      // Twice: the second time both tokens are known.
      const token = idp.mint({ aud: `urn:${own}` })
      const both = idp.mint({ aud: [`urn:${own}`, `urn:${other}`] })
      for (let round = 0; round < 2; round++) {
        await lets(t, { path: `/${own}`, token })
        await refuses(t, { path: `/${other}`, token }, forbidden('audience-missing'))
        for (const name of ['a', 'b', 'either-a', 'either-b']) await lets(t, { path: `/${name}`, token: both })
      }
      await refuses(t, { path: `/${other}`, token: idp.mint({ aud: [`urn:${own}`, `urn:${other}x`, '', `urn:${own} urn:${other}`] }) }, forbidden('audience-missing'))
      await refuses(t, { path: `/${own}`, token: idp.mint({ aud: ['urn:c'] }) }, invalid('audience-mismatch'))
      await refuses(t, { path: `/${own}`, token: idp.mint({ aud: undefined }) }, invalid('audience-mismatch'))
    }
  },

  async C08 (t) {
    const now = seconds()
    await tries(t, await startAttacked(t, { routes }), 'nbf', [now + 600, now + 7, now * 1000, 253_402_300_800, 1e300, String(now - 600), '', null, [now - 600], {}, true, 'Infinity'], invalid('token-times'), [undefined, now - 600, now, 0, -1, now - 0.5])
  },

  async C09 (t) {
    const now = seconds()
    const house = await startAttacked(t, { routes })
    const { idp, lets, refuses } = house
    await tries(t, house, 'iat', [now + 86_400, now + 7, now * 1000, 'x', String(now), '', null, [now], {}, true, 1e300], invalid('token-times'), [undefined, now, now - 86_400, 0])
    await tries(t, house, 'exp', [253_402_300_800, 1e300, String(now + 60), null, [now + 60], {}, true, 'never'], invalid('token-times'), [now + 60, 253_402_300_799])
    for (const number of ['1e999', '-1e999']) await refuses(t, { path, token: idp.mint({}, { payload: `{"iss":"${idp.issuer}","aud":"${apiAudience}","sub":"u","client_id":"c","auth_time":1,"exp":${number}}` }) }, invalid(number.startsWith('-') ? 'token-expired' : 'token-times'))
    await lets(t, { path, token: idp.mint({ iat: now - 86_400 * 365, exp: now + 86_400 * 365 }) })
  },

  async C10 (t) {
    const now = seconds()
    const { idp, lets, refuses } = await startAttacked(t, { routes, clock: () => now * 1000, changes: { issuers: { main: { clock_tolerance: '30s' } } } })
    for (const exp of [now + 1, now, now - 1, now - 29, now - 29.999]) await lets(t, { path, token: idp.mint({ exp }) })
    for (const exp of [now - 30, now - 31, now - 30_000, 0]) await refuses(t, { path, token: idp.mint({ exp }) }, invalid('token-expired'))
    for (const name of ['nbf', 'iat']) {
      for (const time of [now + 29, now + 30]) await lets(t, { path, token: idp.mint({ [name]: time }) })
      for (const time of [now + 30.001, now + 31, now + 30_000]) await refuses(t, { path, token: idp.mint({ [name]: time }) }, invalid('token-times'))
    }
  },

  async C11 (t) {
    const withTolerance = async (value: string) => await load({ gateway: gatewayWith('    idp: auth0', `    idp: auth0\n    clock_tolerance: ${value}`) })
    for (const good of ['0s', '30s', '300s', '5m', '300000ms', '"30s"']) t.same((await withTolerance(good)).places, [], good)
    const bad = [
      'Infinity', '.inf', '-.inf', '.nan', 'NaN', '1e309', '1e309s', '-1', '-1s', '+1s', '30', '"30"', '86401', '86401s', '301s', '300001ms', '6m', '1h', '999999999h', '9999999999s', '1e2s', '0x1s', '1.5s', '"30 s"', '30S', 's', '""',
      '"\u0663\u0660s"', '30s30s', '"30s\\n"', '"30s\\0"', '[30s]', '{ s: 30 }', 'true', 'null', '~', '30sec', 'never'
    ]
    for (const value of bad) {
      const { configuration, places } = await withTolerance(value)
      t.equal(configuration, undefined, `${value} loads nothing`)
      t.match(places, [/^gateway\.yaml:5:\d+ issuers\.main\.clock_tolerance$/], value)
    }
  },

  async C13 (t) {
    const routes = [
      { match: 'GET /foo', require: { user: { scope: 'foo' } } },
      { match: 'GET /bar', require: { user: { scope: 'bar' } } },
      { match: 'GET /both', require: { user: { scope: 'foo bar' } } },
      { match: 'GET /client', require: { client: { scope: 'foo' } } },
      { match: 'GET /own/:id', require: { user: { scope: 'foo', where: 'request.params.id == principal.subject' } } },
      { match: 'POST /foo', require: { user: { scope: 'bar' } } }
    ]
    const { idp, lets, refuses } = await startAttacked(t, { routes })
    const asked = {
      async foo (token: string) { await lets(t, { path: '/foo', token }) },
      async bar (token: string) { await refuses(t, { path: '/bar', token }, forbidden('scope-missing', 'bar')) },
      async both (token: string) { await refuses(t, { path: '/both', token }, forbidden('scope-missing', 'bar')) },
      async client (token: string) { await refuses(t, { path: '/client', token }, forbidden('principal-kind')) },
      async own (token: string) { await lets(t, { path: '/own/user-1', token }) },
      async others (token: string) { await refuses(t, { path: '/own/user-2', token }, forbidden('where-not-met')) },
      async method (token: string) { await refuses(t, { path: '/foo', method: 'POST', token }, forbidden('scope-missing', 'bar')) }
    }
    const one = idp.mint({ scope: 'foo' })
    for (const order of [Object.values(asked), Object.values(asked).reverse()]) {
      const token = idp.mint({ scope: 'foo' })
      // A token that is new, the same once it is known, and one that has been through everything.
      for (const known of [token, token, one]) for (const ask of order) await ask(known)
    }
    await otherIssuer(t)
  },

  async C14 (t) {
    const { idp, gateway, erp, lets, refuses } = await startAttacked(t, { routes: [{ match: 'GET /t/:id', require: 'user', identity: { headers: { 'X-Token': 'jti' } } }, ...routes] })
    const tokens = Array.from({ length: 1000 }, (_, at) => [`token-${at}`, idp.mint({ jti: `token-${at}` })] as const)
    const statuses: number[] = []
    for (let round = 0; round < 2; round++) {
      for (let at = 0; at < tokens.length; at += 50) {
        const some = tokens.slice(at, at + 50)
        statuses.push(...(await Promise.all(some.map(async ([id, token]) => await gateway.call({ path: `/t/${id}`, token })))).map(({ status }) => status))
      }
    }
    t.same(statuses.filter(status => status !== 200), [])
    t.equal(erp.requests.length, 2000)
    t.same(erp.requests.filter(({ url, headers }) => url !== `/t/${String(headers['x-token'])}`).map(({ url }) => url), [], 'each with its own claims')

    // The same end, the same length, the same signature: still another token.
    const [, token = ''] = tokens[0] ?? []
    const [head = '', payload = '', signature = ''] = token.split('.')
    const other = Buffer.from(Buffer.from(payload, 'base64url').toString().replace('token-0', 'token-9')).toString('base64url')
    t.equal(other.length, payload.length)
    await lets(t, { path: '/t/token-0', token })
    await refuses(t, { path: '/t/token-9', token: `${head}.${other}.${signature}` }, invalid('token-invalid'))
    await refuses(t, { path: '/t/token-0', token: `${head}.${payload}.${signature.slice(1)}` }, invalid('token-invalid'))
    await refuses(t, { path: '/t/token-0', token: `${payload}.${signature}` }, invalid('token-not-jwt'))
    await refuses(t, { path: '/t/token-0', token: signature }, invalid('token-not-jwt'))
  },

  async C15 (t) {
    const issuer = await trustedIssuer()
    const { verify } = createVerifier([issuer.trusted], 16_384, issuer.now)
    const cache = createPrincipalCaches({ max: 10, max_size: 1e6 }, issuer.now).of([issuer.trusted.keys])
    const token = issuer.mints.mintUser({ scope: ['a'], permissions: ['p'], roles: ['r'], org: { units: [{ id: 1 }] }, ['__proto__']: { admin: true } })
    const verified = await verify(token, async promise => await promise)
    cache.keep(token, verified)
    const { principal } = cache.find(token) ?? {}
    const before = JSON.stringify(principal)
    const objects = objectsIn(principal)
    for (const one of objects) {
      t.ok(Object.isFrozen(one))
      for (const name of [...Object.keys(one), 'added']) t.notOk(Reflect.set(one, name, 'changed'))
      t.notOk(Reflect.setPrototypeOf(one, { admin: true }))
    }
    t.ok(objects.length > 10, 'and there was something to change')
    t.equal(JSON.stringify(cache.find(token)?.principal), before)

    const identity = { headers: { 'X-Org': 'org', 'X-Sub': 'sub', 'X-Groups': 'groups' } }
    const { idp, lets } = await startAttacked(t, {
      routes: [
        { match: 'GET /a', require: { user: { where: 'claims.groups.map(x, x + "!") == ["g!"] && claims.org.id == 7' } }, identity },
        { match: 'GET /b', require: { user: { claims: { groups: 'g', 'org.id': 7 } } }, identity }
      ]
    })
    const same = idp.mint({ org: { id: 7 }, groups: ['g'] })
    for (const at of ['/a', '/b', '/a', '/b']) t.match((await lets(t, { path: at, token: same })).headers, { 'x-org': '{"id":7}', 'x-sub': 'user-1', 'x-groups': 'g' })
  },

  async C17 (t) {
    const { idp, lets, refuses } = await startAttacked(t, {
      routes: [
        { match: 'GET /exact', require: { user: { claims: { email: ['a@company.com', 'company.com'] } } } },
        { match: 'GET /domain', require: { user: { where: 'claims.email.split("@").size() == 2 && claims.email.split("@")[1] == "company.com"' } } }
      ]
    })
    for (const at of ['/exact', '/domain']) await lets(t, { path: at, token: idp.mint({ email: 'a@company.com' }) })
    const emails = [
      'a@evil@company.com', 'a@evil.com@company.com', '"a@evil.com"@company.com', 'a@company.com@evil.com', 'a@company.com.', 'a@company.com.evil.com', 'a@company\u3002com', 'a@company\uff0ecom', 'a@company\u2024com', 'a@evilcompany.com', 'a@sub.company.com',
      'a@COMPANY.COM', 'a@company.com ', 'a@company.com\n', 'a@company.com\u0000', 'a\uff20company.com', 'a@c\u043empany.com', 'a@company.com\u200b', 'a@', '@', '', 'a', ['a@evil.com', 'b@company.com'], ['company.com@'], { 1: 'company.com' }, null, undefined, 1
    ]
    for (const email of emails) {
      await refuses(t, { path: '/exact', token: idp.mint({ email }) }, forbidden('claim-mismatch'))
      await refuses(t, { path: '/domain', token: idp.mint({ email }) }, forbidden('where-not-met'))
    }
    // A letter beyond ASCII that folds into one of ours: "company.com" has none, a bank has.
    for (const fold of ['lowerAscii', 'upperAscii']) {
      const { places } = await load({ routes: `routes:\n  - match: GET /a\n    require: { user: { where: 'claims.email.${fold}() == "a@bank.com"' } }\n` })
      t.match(places, [/^routes\.yaml:3:\d+ routes\[0\]\.require\.user\.where$/])
    }
  },

  async C18 (t) {
    const pattern = '^(a+)+$'
    const slow = `${'a'.repeat(40)}!`
    for (const where of [`claims.x.matches("${pattern}")`, `matches(claims.x, "${pattern}")`, `claims.xs.exists(x, x.matches("${pattern}"))`, `true || [claims.x].all(x, x.matches("${pattern}"))`]) {
      const { configuration, places } = await load({ routes: `routes:\n  - match: GET /a\n    require: { user: { where: '${where}' } }\n` })
      t.equal(configuration, undefined)
      t.match(places, [/^routes\.yaml:3:\d+ routes\[0\]\.require\.user\.where$/], where)
    }
    const { idp, lets, refuses } = await startAttacked(t, {
      changes: { issuers: { main: { audience: [apiAudience, pattern] } } },
      routes: [...routes, { match: 'GET /aud', require: { user: { audience: pattern } } }, { match: 'GET /claim', require: { user: { claims: { x: pattern } } } }, { match: 'GET /scope', require: { user: { scope: pattern } } }]
    })
    const began = Date.now()
    await refuses(t, { path, token: idp.mint({ aud: slow }) }, invalid('audience-mismatch'))
    await refuses(t, { path: '/aud', token: idp.mint({ aud: [apiAudience, slow] }) }, forbidden('audience-missing'))
    await refuses(t, { path: '/claim', token: idp.mint({ x: slow }) }, forbidden('claim-mismatch'))
    await refuses(t, { path: '/claim', token: idp.mint({ x: 'aaa' }) }, forbidden('claim-mismatch'))
    await refuses(t, { path: '/scope', token: idp.mint({ scope: slow }) }, forbidden('scope-missing', pattern))
    t.ok(Date.now() - began < 5000, 'without hours of search')
    await lets(t, { path: '/aud', token: idp.mint({ aud: pattern }) })
    await lets(t, { path: '/claim', token: idp.mint({ x: pattern }) })
    await lets(t, { path: '/scope', token: idp.mint({ scope: pattern }) })
  },

  async C19 (t) {
    const good = { scope: 'a b', permissions: ['p'], roles: ['r'], email: 'x@company.com', acr: 'gold', groups: ['g1', 'g2'] }
    const conditions: ReadonlyArray<readonly [conditions: object, spoiled: object]> = [
      [{ scope: 'a' }, { scope: 'ab' }], [{ any_scope: ['a', 'c'] }, { scope: 'ab' }], [{ permission: 'p' }, { permissions: ['pp'] }], [{ any_permission: ['p', 'q'] }, { permissions: [] }], [{ role: 'r' }, { roles: ['rr'] }], [{ any_role: ['r', 's'] }, { roles: 'r' }],
      [{ client_id: 'saas' }, { client_id: 'saas2' }], [{ audience: apiAudience }, { aud: 'urn:second' }], [{ claims: { email: 'x@company.com', groups: 'g2' } }, { groups: 'g' }], [{ max_age: 3600 }, { auth_time: 1 }], [{ acr: 'gold' }, { acr: 'goldgold' }],
      [{ where: 'claims.email.endsWith("@company.com") && claims.email.startsWith("x") && claims.email.contains("@") && claims.groups.exists(g, g == "g2")' }, { email: 'x@company.org' }]
    ]
    const { idp, gateway, erp } = await startAttacked(t, {
      changes: { issuers: { main: { audience: [apiAudience, 'urn:second'] } } }, routes: conditions.map(([condition], at) => ({ match: `GET /r${at}`, require: { user: condition } }))
    })
    for (const [at, [condition, spoiled]] of conditions.entries()) {
      const [token, bad] = [idp.mint(good), idp.mint({ ...good, ...spoiled })]
      const ten = async (token: () => string) => {
        const statuses: number[] = []
        for (let round = 0; round < 10; round++) statuses.push((await gateway.call({ path: `/r${at}`, token: token() })).status)
        return [...new Set(statuses)]
      }
      t.same(await ten(() => token), [200], JSON.stringify(condition))
      t.same(await ten(() => idp.mint(good)), [200], 'and ten tokens alike')
      const before = erp.requests.length
      t.match(await ten(() => bad), [/^40[13]$/], JSON.stringify(spoiled))
      t.equal(erp.requests.length, before)
      t.same(await ten(() => token), [200])
    }
  },

  async C20 (t) {
    const identity = { headers: { 'X-User': 'sub', 'X-Name': 'name', 'X-List': 'list' } }
    const { idp, lets } = await startAttacked(t, { routes: [{ match: `GET ${path}`, require: 'user', identity }] })
    const names = (rawHeaders: readonly string[]) => rawHeaders.filter((_, at) => at % 2 === 0).map(name => name.toLowerCase()).sort().join()
    const usual = names((await lets(t, { path, token: idp.mint({ name: 'a', list: ['a'] }) })).rawHeaders)
    const values = [
      'a\r\nX-Admin: 1', 'a\nX-Admin: 1', 'a\rX-Admin: 1', 'a\r\n\r\nGET /admin HTTP/1.1\r\nHost: erp\r\n\r\n', '\u0000', 'a\u0000b', '\u2028', '\u2029', '\u0085', '\u560d\u560aX-Admin: 1', '\u00e9', 'caf\u00e9', '\ud83e\udd8a', '\ud800', '\udc00x',
      '\u007f', '\u001b[2J', '\t', ' a ', 'a, b', 'a; b="c"', 'x'.repeat(5000), '%0d%0aX-Admin: 1', '\u00e9'.repeat(1000), '\u200f\u202e'
    ]
    for (const value of values) {
      const others = value.length < 500 ? { name: value, list: [value, value] } : { name: 'a', list: ['a'] }
      const { rawHeaders, headers } = await lets(t, { path, token: idp.mint({ sub: value, ...others }) })
      t.equal(names(rawHeaders), usual, 'no header more, none less')
      for (const name of ['x-user', 'x-name', 'x-list']) t.match(headers[name], /^[\x21-\x7e]+$/, name)
      t.equal(headers['x-user'], value.toWellFormed().replace(/[^\x21-\x7e]+/g, encodeURIComponent))
    }
  }
})

function objectsIn (value: unknown): object[] {
  return typeof value === 'object' && value !== null ? [value, ...Object.values(value).flatMap(objectsIn)] : []
}

/** A route takes the tokens of the issuers that it names, known or not. */
async function otherIssuer (t: Test): Promise<void> {
  const [idp, other, erp] = [await startIdp(t, { alg: 'ES256' }), await startIdp(t, { alg: 'ES256' }), await startErp(t)]
  const gateway = await startGateway(t, {
    idp,
    erp,
    changes: { issuers: { other: { issuer: other.issuer, audience: apiAudience } } },
    routes: [{ match: 'GET /main', require: 'user', issuers: 'main' }, { match: 'GET /other', require: 'user', issuers: 'other' }]
  })
  const ask = async (at: string, token: string) => {
    const { status, code } = await gateway.call({ path: at, token })
    return `${status} ${code ?? ''}`
  }
  for (const order of [['/main', '/other'], ['/other', '/main']]) {
    const [ours, theirs] = [idp.mint(), other.mint()]
    for (const at of [...order, ...order]) {
      t.equal(await ask(at, ours), at === '/main' ? '200 ' : '401 issuer-not-accepted')
      t.equal(await ask(at, theirs), at === '/other' ? '200 ' : '401 issuer-not-accepted')
    }
  }
  t.equal(erp.requests.length, 8)
}
