import { generateKeyPairSync } from 'node:crypto'
import { inspect } from 'node:util'
import t from 'tap'
import { selfSigned, signedBy } from '../support/self-signed.ts'
import { GATEWAY, load, type Files } from './files.ts'

const day = 24 * 3_600_000
const lasting = { notBefore: new Date(Date.now() - day), notAfter: new Date(Date.now() + 365 * day) }
const authority = selfSigned({ commonName: 'the authority', ...lasting })
const rsaKey = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
const pem = (key: typeof rsaKey): string => key.export({ type: 'pkcs8', format: 'pem' }).toString()
const ec = signedBy(authority, { commonName: 'the gateway', ...lasting })
const beside = {
  'rsa.pem': pem(rsaKey),
  'pkcs1.pem': rsaKey.export({ type: 'pkcs1', format: 'pem' }).toString(),
  'rsa.crt': signedBy(authority, { ownKey: rsaKey, ...lasting }).cert,
  'ec.pem': ec.key,
  'ec.crt': ec.cert + authority.cert,
  'short.pem': pem(generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey),
  'pss.pem': pem(generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).privateKey),
  'p384.pem': pem(generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey),
  'ed.pem': pem(generateKeyPairSync('ed25519').privateKey),
  'old.crt': signedBy(authority, { ownKey: rsaKey, notBefore: new Date(Date.now() - 2 * day), notAfter: new Date(Date.now() - day) }).cert,
  'ended.crt': signedBy(authority, { notBefore: new Date(Date.now() - 2 * day), notAfter: new Date(Date.now() - day), commonName: 'ended' }).cert,
  secret: 'a secret in a file'
}

const credential = (value: string): string => `${GATEWAY.slice(0, GATEWAY.indexOf('    credential:'))}    credential: ${value}\n`
const assertion = (more = '', key = 'ec.pem'): string => credential(`{ client_assertion: { issuer: main, client_id: a, key: { file: ${key} }${more && `, ${more}`} } }`)
const bearer = (more = '', key = 'rsa.pem'): string => credential(`{ jwt_bearer: { token_endpoint: "https://login.example.com/token", iss: a, subject: b, key: { file: ${key} }${more && `, ${more}`} } }`)
const certificate = (more = '', cert = 'ec.crt', key = 'ec.pem'): string => credential(`{ client_certificate: { cert: { file: ${cert} }, key: { file: ${key} } } }${more && `\n    ${more}`}`)

t.test('is taken, without a word', async t => {
  for (const gateway of [
    assertion(), assertion('algorithm: ES256'), assertion('', 'rsa.pem'), assertion('algorithm: PS256', 'rsa.pem'), assertion('algorithm: RS256', 'pkcs1.pem'),
    assertion('kid: "1", certificate: { file: rsa.crt }, assertion_audience: "https://idp.example.com", lifetime: 5m, scope: [a, b], audience: c, resource: d, params: { e: f }, header: X-Erp', 'rsa.pem'),
    assertion('certificate: { file: ec.crt }, lifetime: 10s, claims: { scope: [restlets, rest_webservices], n: 1, yes_or_no: true }'),
    bearer(), bearer('audience: "https://login.example.com", claims: { a: b }, kid: x, algorithm: PS256, certificate: { file: rsa.crt }'),
    bearer('client_id: c, client_secret: { file: secret }, auth_method: client_secret_post, basic_encoding: raw'), bearer('client_id: c, client_secret: [{ file: secret }, { file: secret }], tls: { server_name: idp }'),
    certificate(), certificate('tls: { server_name: erp }')
  ]) {
    const { configuration, lines } = await load({ gateway, beside })
    t.ok(configuration, `${gateway}\n${lines.join('\n')}`)
    t.same(lines, [])
    const shown = inspect(configuration, { depth: 20, showHidden: true }) + JSON.stringify(configuration)
    for (const text of [ec.key, beside['rsa.pem'], beside['pkcs1.pem']]) t.notMatch(shown, text.split('\n')[1] ?? '')
    t.notMatch(shown, beside.secret)
  }
})

interface Row extends Files { readonly gateway: string, readonly at: string, readonly says?: RegExp }

const A = 'upstreams.erp.credential.client_assertion'
const B = 'upstreams.erp.credential.jwt_bearer'
const C = 'upstreams.erp.credential.client_certificate'
const REFUSED: Readonly<Record<string, Row>> = {
  'a short RSA key': { gateway: assertion('', 'short.pem'), at: `${A}.key`, says: /2048/ },
  'an RSA key for PSS alone': { gateway: assertion('', 'pss.pem'), at: `${A}.key` },
  'a key of another curve': { gateway: bearer('', 'p384.pem'), at: `${B}.key`, says: /P-256/ },
  'a key of Edwards': { gateway: bearer('', 'ed.pem'), at: `${B}.key` },
  'a certificate in the place of a key': { gateway: assertion('', 'ec.crt'), at: `${A}.key`, says: /no private key/ },
  'a key that is not there': { gateway: assertion('', 'nowhere.pem'), at: `${A}.key`, says: /ENOENT/ },
  'an algorithm of other keys': { gateway: assertion('algorithm: RS256'), at: `${A}.algorithm`, says: /ES256/ },
  'an algorithm of other keys, the other way': { gateway: bearer('algorithm: ES256'), at: `${B}.algorithm`, says: /RS256 or PS256/ },
  'an algorithm with a secret': { gateway: assertion('algorithm: HS256'), at: `${A}.algorithm` },
  'no algorithm at all': { gateway: assertion('algorithm: none'), at: `${A}.algorithm` },
  'the certificate of another key': { gateway: assertion('certificate: { file: rsa.crt }'), at: `${A}.certificate`, says: /another certificate/ },
  'a life that is too long': { gateway: assertion('lifetime: 6m'), at: `${A}.lifetime` },
  'a life that is too short': { gateway: assertion('lifetime: 1s'), at: `${A}.lifetime` },
  'a claim that is the gateway\'s': { gateway: assertion('claims: { exp: 1 }'), at: `${A}.claims.exp` },
  'a claim that is a mapping': { gateway: assertion('claims: { a: { b: c } }'), at: `${A}.claims.a` },
  'a claim that is nothing': { gateway: assertion('claims: { a: null }'), at: `${A}.claims.a` },
  'a secret beside the key': { gateway: assertion('client_secret: { file: secret }'), at: `${A}.client_secret`, says: /unknown key/ },
  'an assertion among the parameters': { gateway: assertion('params: { client_assertion: a }'), at: `${A}.params.client_assertion` },
  'a grant among the parameters': { gateway: bearer('params: { assertion: a }'), at: `${B}.params.assertion` },
  'two endpoints': { gateway: assertion('token_endpoint: "https://idp.example.com/token"'), at: A, says: /exactly one/ },
  'an endpoint in the clear': { gateway: bearer().replace('https://login', 'http://login'), at: `${B}.token_endpoint` },
  'an issuer that is unknown': { gateway: assertion().replace('{ issuer: main', '{ issuer: mian'), at: `${A}.issuer`, says: /did you mean "main"/ },
  'tls of an endpoint that is the issuer\'s': { gateway: assertion('tls: { server_name: idp }'), at: `${A}.tls`, says: /issuers\.main/ },
  'no subject': { gateway: bearer().replace(' subject: b,', ''), at: B, says: /subject/ },
  'a client without a secret': { gateway: bearer('client_id: c'), at: B, says: /go together/ },
  'a secret without a client': { gateway: bearer('client_secret: { file: secret }'), at: B, says: /go together/ },
  'a certificate in the clear': { gateway: certificate().replace('url: https://erp.example.com', 'url: http://127.0.0.1:8080'), at: C, says: /http:\/\// },
  'a certificate and another one': { gateway: certificate('tls: { cert: { file: ec.crt }, key: { file: ec.pem } }'), at: 'upstreams.erp.tls', says: /client_certificate alone/ },
  'the key of another certificate': { gateway: certificate('', 'ec.crt', 'rsa.pem'), at: `${C}.key`, says: /another certificate/ },
  'a certificate without a key': { gateway: credential('{ client_certificate: { cert: { file: ec.crt } } }'), at: C, says: /key is missing/ },
  'two kinds': { gateway: credential('{ client_certificate: { cert: { file: ec.crt }, key: { file: ec.pem } }, basic: { username: a, password: { file: secret } } }'), at: 'upstreams.erp.credential', says: /exactly one/ },
  'the header of the credential, set by a rule': { gateway: assertion('header: X-Erp'), routes: 'routes:\n  - match: GET /a\n    require: user\n    headers: { set: { x_erp: a } }\n', at: 'routes[0].headers.set.x_erp' },
  'a rule that wants no certificate': { gateway: certificate(), routes: 'routes:\n  - match: GET /a\n    require: public\n    credential: none\n', at: 'routes[0].credential', says: /every connection/ },
  'defaults that want none': { gateway: certificate(), routes: 'defaults: { credential: none }\nroutes:\n  - match: GET /a\n    require: public\n', at: 'routes[0]', says: /every connection/ }
}

t.test('is refused, at its place, and nothing secret is repeated', async t => {
  for (const [name, { at, says = /./, ...files }] of Object.entries(REFUSED)) {
    const { configuration, places, lines } = await load({ beside, ...files })
    t.equal(configuration, undefined, name)
    t.same(places.map(place => place.split(' ').slice(1).join(' ')), [at], `${name}: ${lines.join('\n')}`)
    t.match(lines.join('\n'), says, name)
    t.notMatch(lines.join('\n'), new RegExp(`${beside.secret}|${ec.key.split('\n')[1]?.replaceAll('+', '\\+') ?? ''}`))
  }
})

t.test('certificates that have ended are a warning, wherever they stand', async t => {
  const ended = { ...beside, 'ended.pem': ec.key }
  for (const [gateway, place] of [
    [bearer('certificate: { file: old.crt }'), `${B}.certificate`],
    [assertion('certificate: { file: old.crt }', 'rsa.pem'), `${A}.certificate`],
    [certificate('', 'old.crt', 'rsa.pem'), `${C}.cert`],
    [bearer('tls: { ca: { file: ended.crt } }'), `${B}.tls.ca`]
  ] as const) {
    const { configuration, lines, places } = await load({ gateway, beside: ended })
    t.ok(configuration, lines.join('\n'))
    t.ok(places.some(one => one.startsWith('warning ') && one.endsWith(place)), places.join('\n'))
    t.ok(lines.some(line => /ended on/.test(line)))
    t.equal(lines.filter(line => /ended on/.test(line)).length, 1, 'once')
  }
})

t.test('keys and certificates that are not there are a warning of check', async t => {
  for (const [gateway, missing] of [[assertion('certificate: { env: NOWHERE }', 'nowhere'), 2], [bearer('client_id: c, client_secret: { env: NOWHERE }', 'nowhere'), 2], [certificate('', 'nowhere', 'nowhere'), 2]] as const) {
    const { configuration, places, read } = await load({ gateway, options: { secrets: 'optional' } })
    t.ok(configuration, places.join('\n'))
    t.equal(places.filter(one => one.startsWith('warning')).length, missing)
    t.ok(read.some(file => file.endsWith('/nowhere')), 'and what may come is watched')
    const { configuration: none } = await load({ gateway })
    t.equal(none, undefined)
  }
})
