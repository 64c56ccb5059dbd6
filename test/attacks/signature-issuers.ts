import type { Test } from 'tap'
import { setTimeout as sleep } from 'node:timers/promises'
import { startScene } from '../gateway/idp-scene.ts'
import { startErp } from '../support/erp.ts'
import { startGateway } from '../support/gateway.ts'
import { startIdp } from '../support/idp.ts'
import { apiAudience } from '../support/mint.ts'
import type { Settings } from '../support/settings.ts'
import { createSigningKey } from '../support/signing-keys.ts'
import { startAttacked } from './gauntlet.ts'
import { allRefused, noCredential, routes, type Attacks } from './token-attacks.ts'

/** Where no key set can be: not a place to call, or no place at all. */
const NOWHERE = [
  'file:///etc/passwd', 'data:application/json,{"keys":[]}', 'ftp://127.0.0.1/jwks', 'gopher://127.0.0.1/', 'blob:https://example.com/x', 'javascript:1', '//127.0.0.1/jwks', '/jwks', 'jwks', 'https:', 'https://',
  'http://169.254.169.254/latest/meta-data/', 'https://169.254.169.254/', 'http://[fe80::1]/', 'http://[::ffff:169.254.169.254]/', 'http://0xa9fea9fe/', 'http://2852039166/', 'http://169.254.169.254.:80/'
]
const OFF_LOOPBACK = ['http://0.0.0.0/jwks', 'http://[::]/jwks', 'http://127.0.0.1.example.com/jwks', 'http://localhost.example.com/jwks', 'http://idp.example.com/jwks', 'HTTP://idp.example.com/jwks']

/** Rows A19 to A23: which issuer, and where its keys come from. */
export const issuerAttacks: Attacks = {
  async A19 (t) {
    const [main, other] = [await startIdp(t, { alg: 'ES256' }), await startIdp(t, { alg: 'ES256' })]
    const erp = await startErp(t)
    for (const idp of [main, other]) {
      idp.keys.current = await createSigningKey('ES256', 'shared')
      idp.keys.published = [idp.keys.current.publicJwk]
    }
    const gateway = await startGateway(t, {
      idp: main,
      erp,
      routes: [{ match: 'GET /orders', require: 'user', issuers: ['main', 'other'] }],
      changes: { ...noCredential, issuers: { other: { issuer: other.issuer, audience: apiAudience } } }
    })
    const ask = async (token: string) => { const { status, code } = await gateway.call({ path: '/orders', token }); return code ?? status }
    const crossed = () => [main.mint({}, { key: other.keys.current }), other.mint({}, { key: main.keys.current }), main.mint({ iss: other.issuer }), other.mint({ iss: main.issuer })]
    // Before, between and after the genuine ones, so that either set was the last to be looked at.
    for (const idp of [main, other, main]) {
      for (const token of crossed()) t.equal(await ask(token), 'token-invalid')
      const before = erp.requests.length
      t.equal(await ask(idp.mint()), 200)
      t.equal(erp.requests.length, before + 1)
    }
    const answers = await Promise.all([...crossed(), ...crossed(), main.mint(), other.mint()].map(ask))
    t.same(answers, [...Array<string>(8).fill('token-invalid'), 200, 200])
    t.equal(erp.requests.length, 5)
  },

  async A20 (t) {
    const house = await startAttacked(t, { routes, changes: noCredential })
    const { idp, gateway } = house
    // Whoever asked it for keys would get some that fit.
    const canary = await startIdp(t, { alg: 'ES256', clock: Date.now })
    const key = canary.keys.current
    const { issuer, port } = idp
    const host = issuer.replace('http://', '')
    const data = `data:application/json,${JSON.stringify({ keys: [key.publicJwk] })}`
    const issuers = [
      canary.issuer, `${canary.issuer}/`, `${canary.issuer}/#${issuer}`, `${canary.issuer}#${issuer}`, `${canary.issuer}/x?y=${issuer}`, `http://${host}@127.0.0.1:${canary.port}/`, `http://${host}%40127.0.0.1:${canary.port}`,
      issuer.replace('http', 'HTTP'), issuer.replace('http', 'https'), `${issuer}/`, `${issuer}//`, `${issuer}?`, `${issuer}#`, `${issuer}/.`, ` ${issuer}`, `${issuer} `, `${issuer}\u0000`, `${issuer}\n`, `${issuer}\t`, issuer.replace('127.0.0.1', 'localhost'),
      issuer.replace('127.0.0.1', '127.1'), issuer.replace('127.0.0.1', '[::ffff:127.0.0.1]'), issuer.replace(String(port), `0${port}`), issuer.slice(0, -1), issuer.replace('//', '/'), issuer.replace('//', '\\\\'),
      'file:///etc/passwd', `${data}#`, data, `${data}#${issuer}`, '', 'main', 'null', 'undefined', '__proto__', 'constructor', `\ufeff${issuer}`, issuer.normalize('NFD') + '\u0301', `${canary.issuer}\u0000${issuer}`, `${issuer},${canary.issuer}`
    ]
    const odd: readonly unknown[] = [[issuer], [issuer, canary.issuer], { 0: issuer }, { url: canary.issuer }, null, undefined, 0, true, [[issuer]], [canary.issuer]]
    const asked = idp.requests.lines.length
    const forged = (iss: unknown) => [undefined, key.kid, canary.jwksUri].map(kid => idp.mint({ iss }, { key, header: { kid } }))
    await allRefused(t, house, Object.fromEntries([...issuers, ...odd].flatMap((iss, at) => [
      ...forged(iss).map((token, which) => [`${at} ${which} ${String(iss)}`, token] as const),
      // The issuer's own signature makes no other issuer good.
      [`${at} signed by the issuer ${String(iss)}`, idp.mint({ iss })] as const
    ])))
    await sleep(100)
    t.equal(canary.accepted, 0, 'nobody was called')
    t.same(idp.requests.lines.slice(asked).filter(line => line !== 'GET /jwks' && !line.includes('.well-known')), [])
    t.ok(gateway.logLines().some(({ saw }) => typeof saw === 'string' && saw.includes(canary.issuer)), 'the operator sees which issuer it was')
  },

  async A21 (t) {
    const { idp, erp } = await startAttacked(t, { routes, changes: noCredential })
    const refuses = async (changes: Settings, path: string, url: string): Promise<void> => {
      await t.rejects(startGateway(t, { idp, erp, routes, changes }), { name: 'ConfigurationError', mistakes: [{ path }] }, `${path} ${url}`)
    }
    for (const url of [...NOWHERE, ...OFF_LOOPBACK]) {
      for (const name of ['issuer', 'discovery', 'jwks_uri']) await refuses({ issuers: { main: { [name]: url } } }, `issuers.main.${name}`, url)
      const client_credentials = { issuer: undefined, token_endpoint: url }
      await refuses({ upstreams: { erp: { credential: { client_credentials } } } }, 'upstreams.erp.credential.client_credentials.token_endpoint', url)
    }
    for (const url of NOWHERE) await refuses({ issuers: { main: { jwks_uri: url, allow_http: true } } }, 'issuers.main.jwks_uri', url)
    await namedByDocument(t)
  },

  async A23 (t) {
    const others: Readonly<Record<string, (issuer: string) => unknown>> = {
      'a slash more': issuer => `${issuer}/`,
      'another case': issuer => issuer.replace('http', 'HTTP'),
      'another host': issuer => issuer.replace('127.0.0.1', 'localhost'),
      'another port': issuer => `${issuer}0`,
      'another path': issuer => `${issuer}/realms/other`,
      'white space': issuer => ` ${issuer}`,
      'a query': issuer => `${issuer}?`,
      'a list': issuer => [issuer],
      'an object': issuer => ({ issuer }),
      null: () => null,
      none: () => undefined
    }
    await Promise.all(Object.entries(others).map(async ([name, other]) => {
      const { idp, erp, ask } = await startScene(t, { verifies: false, changes: noCredential, before: idp => { idp.discovery = { issuer: other(idp.issuer) } } })
      t.match(await ask(), { status: 503, code: 'issuer-keys-unavailable' }, name)
      const theirs = other(idp.issuer)
      t.match(await ask(idp.mint({ iss: theirs })), { status: 401, code: 'token-invalid' }, name)
      t.equal(idp.requests.jwks, 0, name)
      t.equal(erp.requests.length, 0, name)
    }))
    // With a slash where the configuration has one: to the letter is to the letter.
    const { ask } = await startScene(t, { verifies: false, changes: noCredential, idp: { issuer: origin => `${origin}/` } })
    t.equal((await ask()).status, 200)
  }
}

/** A document of the very issuer that names such a place, for keys and for tokens. */
async function namedByDocument (t: Test): Promise<void> {
  const always = ['file:///etc/passwd', 'data:application/json,{"keys":[]}', 'ftp://127.0.0.1/jwks', 'https://169.254.169.254/', 'http://2852039166/', 'http://[::ffff:169.254.169.254]/', 'https://[fe80::1]/']
  const places = [...always.map(url => ({ url, allowed: true })), ...OFF_LOOPBACK.slice(0, 3).map(url => ({ url, allowed: false }))]
  await Promise.all(places.map(async ({ url, allowed }) => {
    const { ask, gateway, erp } = await startScene(t, {
      verifies: false,
      before: idp => { idp.discovery = { jwks_uri: url, token_endpoint: url } },
      changes: { issuers: { main: { allow_http: allowed } } }
    })
    t.match(await ask(), { status: 503, code: 'issuer-keys-unavailable' }, url)
    t.match(await gateway.call({ path: '/status' }), { status: 503, code: 'machine-token-unavailable' }, url)
    const problems = gateway.logLines().map(({ problem }) => problem).filter(problem => problem !== undefined)
    t.same([...new Set(problems)], ['names an endpoint that is not https, or that is never called'], `${url} is not called`)
    t.equal(erp.requests.length, 0)
  }))
}
