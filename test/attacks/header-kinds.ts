import { PROFILE_NAMES, PROFILES } from '../../src/policy/profiles/index.ts'
import { classify } from '../../src/policy/principal.ts'
import type { Wanted } from '../gateway/gatehouse.ts'
import { apiAudience } from '../support/mint.ts'
import type { Settings } from '../support/settings.ts'
import { startAttacked } from './gauntlet.ts'
import { allRefused, INVALID, invalid, noCredential, routes, type Attacks } from './token-attacks.ts'

const path = '/orders'
const forbidden = (code: string, scope?: string): Wanted => ({ status: 403, code, challenge: { error: 'insufficient_scope', ...scope !== undefined && { scope } } })

/** What every object inherits, and what a rule may ask of it. */
const INHERITED: Readonly<Record<string, Settings>> = {
  '/claims/constructor': { claims: { 'constructor.name': 'Object' } },
  '/claims/proto': { claims: { '__proto__.scope': 'admin' } },
  '/claims/function': { claims: { 'toString.length': 0, 'hasOwnProperty.length': 1 } },
  '/claims/list': { claims: { 'list.length': 2 } },
  '/claims/text': { claims: { 'sub.length': 6 } },
  '/scope': { scope: '__proto__' },
  '/scopes': { any_scope: ['constructor', 'toString'] },
  '/role': { any_role: ['constructor', '__proto__', 'length'] },
  '/permission': { permission: 'constructor' },
  '/client': { client_id: ['constructor', '__proto__'] },
  '/where/own': { where: 'has(claims.extra)' },
  '/where/not': { where: '!has(claims.list)' },
  '/where/has': { where: 'has(claims.constructor)' },
  '/where/in': { where: '"constructor" in claims || "__proto__" in claims || "toString" in claims' },
  '/where/name': { where: 'claims.constructor.name == "Object"' },
  '/where/proto': { where: 'claims.__proto__.scope == "admin"' },
  '/where/index': { where: 'claims["__proto__"]["scope"] == "admin" || claims["constructor"] != null' },
  '/where/nested': { where: 'has(claims.own.constructor) || "valueOf" in claims.own' },
  '/where/params': { where: '"constructor" in request.params || "toString" in request.params' }
}

/** Rows B12 to B15: what a token is, and what stands in it. */
export const otherKinds: Attacks = {
  async B12 (t) {
    const rules = Object.entries(INHERITED).map(([path, conditions]) => ({ match: `GET ${path}`, require: { user: conditions } }))
    const identity = { headers: { 'X-One': 'constructor.name', 'X-Two': '__proto__.scope', 'X-Three': 'toString', 'X-Four': 'own.constructor', 'X-User': 'sub' } }
    const house = await startAttacked(t, { routes: [{ ...routes[0], identity }, { match: 'GET /admin', require: { user: { scope: 'admin' } } }, { match: 'GET /acr', require: { user: { acr: 'constructor' } } }, ...rules], changes: noCredential })
    const { idp } = house
    const plain = { list: ['a', 'b'], own: {} }
    for (const path of Object.keys(INHERITED)) {
      const { status } = await house.gateway.call({ path, token: idp.mint(plain) })
      t.equal(status, 403, path)
    }
    t.equal(house.erp.requests.length, 0)
    const polluting = ['"__proto__":{"scope":"admin","polluted":1}', '"constructor":{"prototype":{"scope":"admin","polluted":1}}', '"__proto__":{"__proto__":{"scope":"admin"}}', '"__proto__":null', '"__proto__":"admin"', '"__proto__":["admin"]', '"toString":1,"valueOf":1,"hasOwnProperty":1,"constructor":1']
    const claims = Buffer.from(idp.mint(plain).split('.')[1] ?? '', 'base64url').toString()
    for (const text of polluting) {
      for (const payload of [claims.replace('{', `{${text},`), claims.replace(/\}$/, `,${text}}`)]) {
        const token = idp.mint({}, { payload })
        await house.refuses(t, { path: '/admin', token }, forbidden('scope-missing', 'admin'))
        for (const path of ['/scope', '/scopes', '/role', '/permission', '/client', '/where/nested', '/where/params']) t.equal((await house.gateway.call({ path, token })).status, 403, `${path} ${text}`)
        const { headers } = await house.lets(t, { path, token })
        t.equal(headers['x-user'], 'user-1')
        t.notMatch([headers['x-one'], headers['x-four']], /Object|native/)
      }
      // In the header of the token nobody reads them.
      const head = `{${text},"alg":"ES256","kid":"${idp.keys.current.kid}","typ":"at+jwt"}`
      await house.refuses(t, { path: '/admin', token: idp.sign(head, claims) }, forbidden('scope-missing', 'admin'))
      await house.lets(t, { path, token: idp.sign(head, claims) })
      // There they stand in for nothing that is missing.
      const bare = `{"__proto__":{"alg":"ES256","kid":"${idp.keys.current.kid}","typ":"at+jwt"},"alg":"ES256","kid":"${idp.keys.current.kid}"}`
      await house.refuses(t, { path, token: idp.sign(bare, claims) }, invalid('token-kind'))
    }
    await allRefused(t, house, { 'an inherited issuer': idp.mint({}, { payload: claims.replace(/"iss":"[^"]*"/, `"__proto__":{"iss":"${idp.issuer}"}`) }) })
    await house.refuses(t, { path, token: idp.mint({}, { payload: claims.replace(/"exp":\d+/, '"__proto__":{"exp":4000000000}') }) }, invalid('token-times'))
    await house.refuses(t, { path, token: idp.mint({}, { payload: claims.replace(/"aud":"[^"]*"/, `"__proto__":{"aud":"${apiAudience}"}`) }) }, invalid('audience-mismatch'))
    // A claim of this name takes the type of all claims from the interpreter of CEL: nothing holds then, negated or not.
    for (const path of ['/where/not', '/where/own', '/where/has']) {
      for (const value of [1, null, 'Map', {}]) await house.refuses(t, { path, token: idp.mint({ ...plain, extra: 1, constructor: value }) }, forbidden('where-not-met'))
    }
    await house.lets(t, { path: '/where/not', token: idp.mint() })
    // What is the token's own counts, whatever its name.
    await house.lets(t, { path: '/scope', token: idp.mint({ scope: 'a __proto__ b' }) })
    await house.lets(t, { path: '/claims/constructor', token: idp.mint({ constructor: { name: 'Object' } }) })
    await house.lets(t, { path: '/claims/proto', token: idp.mint({}, { payload: claims.replace('{', '{"__proto__":{"scope":"admin"},') }) })
    await house.lets(t, { path: '/where/own', token: idp.mint({ extra: 1 }) })
    await house.lets(t, { path: '/acr', token: idp.mint({ acr: 'constructor' }) })
    await house.refuses(t, { path: '/acr', token: idp.mint({}, { payload: claims.replace('{', '{"__proto__":{"acr":"constructor"},') }) }, { status: 401, code: 'login-too-weak', challenge: { error: 'insufficient_user_authentication', acr_values: 'constructor' } })
  },

  async B13 (t) {
    const house = await startAttacked(t, { routes, changes: noCredential })
    const { idp } = house
    const signs = { nonce: 'n-0S6_WzA2Mj', at_hash: 'MTIzNDU2Nzg5MDEyMzQ1Ng', c_hash: 'LDktKdoQak3Pk0cnXxCltA', s_hash: 'LDktKdoQak3Pk0cnXxCltA', auth_time: Math.floor(Date.now() / 1000) - 60 }
    const names = Object.keys(signs) as Array<keyof typeof signs>
    // Every choice of the signs, with every type in the header and every audience.
    for (let choice = 0; choice < 2 ** names.length; choice++) {
      const present = Object.fromEntries(names.map((name, at) => [name, (choice & 2 ** at) > 0 ? signs[name] : undefined]))
      for (const aud of ['saas', ['saas'], ['saas', 'https://other.example.com']]) {
        for (const typ of ['JWT', undefined, 'at+jwt']) {
          const token = idp.mintIdToken({ ...present, aud, azp: 'saas' }, { header: { typ } })
          const hashed = names.some(name => name.endsWith('_hash') && present[name] !== undefined)
          await house.refuses(t, { path, token }, invalid(typ !== 'at+jwt' ? 'id-token' : hashed ? 'token-kind' : 'audience-mismatch'))
        }
      }
      // An audience that happens to be right makes no access token of it.
      for (const aud of [apiAudience, ['saas', apiAudience]]) {
        await house.refuses(t, { path, token: idp.mintIdToken({ ...present, aud }, { header: { typ: 'JWT' } }) }, invalid('id-token'))
      }
    }
    // Nor at any IdP that has a profile.
    const now = Math.floor(Date.now() / 1000)
    for (const name of PROFILE_NAMES) {
      for (const typ of [{}, { typ: 'JWT' }, { typ: 'jwt' }]) {
        for (const aud of ['saas', ['saas'], apiAudience]) {
          const claims = { iss: 'https://idp.example.com', sub: 'user-1', azp: 'saas', email: 'user-1@example.com', iat: now, exp: now + 300, aud, ...signs }
          const { tokenKind, kind } = classify({ name, profile: PROFILES[name] }, { header: { alg: 'ES256', ...typ }, claims })
          t.not(tokenKind, 'access', name)
          t.equal(kind, 'unknown', name)
        }
      }
    }
    await house.lets(t, { path, token: idp.mint() })
  },

  async B14 (t) {
    const house = await startAttacked(t, { routes, changes: noCredential })
    const { idp } = house
    const logoutEvent = { 'http://schemas.openid.net/event/backchannel-logout': {} }
    const types = ['logout+jwt', 'dpop+jwt', 'secevent+jwt', 'JWT', 'jwt', 'client-authentication+jwt', 'entity-statement+jwt', 'trust-mark+jwt', 'oauth-authz-req+jwt', 'token-introspection+jwt', 'vc+sd-jwt', 'dc+sd-jwt', 'kb+jwt', 'rt+jwt', 'id_token+jwt', 'txn_token+jwt', 'oauth-id-jag+jwt', 'statuslist+jwt', 'resolve-response+jwt', 'JOSE', 'JOSE+JSON', 'it+jwt']
    // All that a good access token has, and another type.
    for (const typ of types.flatMap(type => [type, type.toUpperCase(), `application/${type}`])) {
      const isJwt = /^(?:application\/)?jwt$/i.test(typ)
      await house.refuses(t, { path, token: idp.mint({}, { header: { typ } }) }, invalid('token-kind'))
      // Without scope and client_id it looks like an ID token, where its type does not say better.
      await house.refuses(t, { path, token: idp.mint({ scope: undefined, client_id: undefined, nonce: 'x' }, { header: { typ } }) }, invalid(isJwt ? 'id-token' : 'token-kind'))
    }
    for (const typ of ['JWT', undefined, 'at+jwt', 'logout+jwt', 'secevent+jwt']) {
      for (const events of [logoutEvent, {}, [], null, 'x']) await house.refuses(t, { path, token: idp.mint({ events }, { header: { typ } }) }, invalid('token-kind'))
    }
    const dpop = { typ: 'dpop+jwt', jwk: idp.keys.current.publicJwk }
    await allRefused(t, house, {
      'a DPoP proof': idp.sign({ alg: 'ES256', ...dpop }, { jti: 'x', htm: 'GET', htu: 'http://127.0.0.1/orders', iat: Math.floor(Date.now() / 1000) }),
      'a client assertion': idp.mint({ iss: 'saas', sub: 'saas', aud: idp.issuer }, { header: { typ: 'JWT' } }),
      'an SD-JWT': `${idp.mint({ _sd: ['x'], _sd_alg: 'sha-256' }, { header: { typ: 'dc+sd-jwt' } })}~WyJ4Il0~`,
      'an SD-JWT with another after it': `${idp.mint()}~WyJ4Il0~`
    })
    await house.refuses(t, { path, token: `${idp.mint()}~${idp.mint({}, { header: { typ: 'kb+jwt' } })}` }, invalid('token-not-jwt'))
    await house.refuses(t, { path, token: idp.mint({ aud: idp.issuer, sub: 'saas' }, { header: { typ: 'client-authentication+jwt' } }) }, invalid('token-kind'))
    await house.lets(t, { path, token: idp.mint() })

    const keycloak = await startAttacked(t, { routes, changes: { ...noCredential, issuers: { main: { idp: 'keycloak' } } } })
    const usual = { azp: 'saas', sid: 's1' }
    const mint = (typ: unknown, headerTyp: unknown, more = {}) => keycloak.idp.mint({ ...usual, typ, ...more }, { header: { typ: headerTyp } })
    await keycloak.lets(t, { path, token: mint('Bearer', 'JWT') })
    for (const typ of ['Logout', 'Refresh', 'Offline', 'Registration', 'Initial', 'action-token', 'UserInfo', 'Logout-Token', 'bearer', '', undefined, null, ['Bearer']]) await keycloak.refuses(t, { path, token: mint(typ, 'JWT') }, invalid('token-kind'))
    for (const typ of ['logout+jwt', 'dpop+jwt', 'secevent+jwt', 'kb+jwt']) await keycloak.refuses(t, { path, token: mint('Bearer', typ) }, invalid('token-kind'))
    await keycloak.refuses(t, { path, token: mint('Bearer', 'JWT', { events: logoutEvent }) }, invalid('token-kind'))
  },

  async B15 (t) {
    const house = await startAttacked(t, { routes, changes: noCredential })
    const { idp } = house
    const typed = (typ: unknown) => idp.mint({}, { header: { typ } })
    for (const typ of ['at+jwt', 'AT+JWT', 'At+Jwt', 'application/at+jwt', 'APPLICATION/AT+JWT', 'Application/at+JWT']) await house.lets(t, { path, token: typed(typ) })
    const other = [
      'at+jwt ;x', 'at+jwt;x', 'at+jwt; charset=utf-8', ' at+jwt', 'at+jwt ', '\tat+jwt', 'at+jwt\n', 'at+jwt\u0000', '\ufeffat+jwt', 'application/application/at+jwt', 'application//at+jwt', 'application/ at+jwt', '/at+jwt', 'application/', 'application', 'x/at+jwt', 'text/at+jwt', 'xapplication/at+jwt',
      'at+jwt,JWT', 'JWT at+jwt', 'at jwt', 'at%2Bjwt', 'at+jwt+jwt', 'at+jw', 'at+jwts', 'jwt+at', '\uff41\uff54+jwt', '\u0430t+jwt', 'a\u0301t+jwt', '["at+jwt"]', 'appl\u0131cation/at+jwt', 'APPL\u0130CATION/at+jwt', '', 'null', 'undefined', 'constructor'
    ]
    for (const typ of other) await house.refuses(t, { path, token: typed(typ) }, invalid('token-kind'))
    for (const typ of [['at+jwt'], [['at+jwt']], { 0: 'at+jwt' }, { toString: 'at+jwt' }, null, 1, true, false, 0, []]) await house.refuses(t, { path, token: typed(typ) }, INVALID)
    const { kid } = idp.keys.current
    const claims = Buffer.from(idp.mint().split('.')[1] ?? '', 'base64url')
    const named = (text: string) => idp.sign(`{"alg":"ES256","kid":"${kid}",${text}}`, claims)
    for (const text of ['"TYP":"at+jwt"', '"typ ":"at+jwt"', '"cty":"at+jwt"', '"__proto__":{"typ":"at+jwt"}', '"typ":"at+jwt","typ":"JWT"']) await house.refuses(t, { path, token: named(text) }, invalid('token-kind'))
    await house.lets(t, { path, token: named('"\\u0074yp":"at\\u002bjwt"') })
  }
}
