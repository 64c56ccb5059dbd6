import { generateKeyPairSync } from 'node:crypto'
import { inspect } from 'node:util'
import t from 'tap'
import { selfSigned, signedBy } from '../support/self-signed.ts'
import { GATEWAY, load, type Files } from './files.ts'

const day = 24 * 3_600_000
const times = (before: number, after: number) => ({ notBefore: new Date(Date.now() + before * day), notAfter: new Date(Date.now() + after * day) })
const lasting = times(-1, 365)
const root = selfSigned({ commonName: 'the root', ...lasting })
const middle = signedBy(root, { commonName: 'the middle', isAuthority: true, ...lasting })
const leaf = signedBy(middle, { commonName: 'the leaf', ...lasting })
const stranger = selfSigned({ commonName: 'a stranger', ...lasting })
const encrypted = generateKeyPairSync('ec', { namedCurve: 'P-256', privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'a passphrase' }, publicKeyEncoding: { type: 'spki', format: 'pem' } }).privateKey
const weak = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()

const beside = {
  'cert.pem': leaf.cert + middle.cert,
  'key.pem': leaf.key,
  'ca.pem': root.cert,
  'both.pem': leaf.key + leaf.cert + middle.cert
}

const listen = (tls: string): string => `listen: { tls: ${tls} }\n${GATEWAY}`
const upstream = (tls: string): string => `${GATEWAY}    tls: ${tls}\n`
const issuer = (tls: string): string => GATEWAY.replace('    idp: auth0\n', `    idp: auth0\n    tls: ${tls}\n`)
const endpoint = (tls: string): string => GATEWAY.replace('        issuer: main\n', `        token_endpoint: https://idp.example.com/token\n        tls: ${tls}\n`)
const PAIR = '{ cert: { file: cert.pem }, key: { file: key.pem } }'

t.test('certificates and keys come from files, the environment, or as text, and the key is shown nowhere', async t => {
  const env = { ERP_SECRET: 'a secret of the ERP', CERT: beside['cert.pem'], KEY: leaf.key }
  const indented = (pem: string): string => pem.trimEnd().split('\n').map(line => `      ${line}`).join('\n')
  for (const gateway of [
    listen(PAIR), listen('{ cert: { env: CERT }, key: { env: KEY }, min_version: TLSv1.3 }'), listen('{ cert: "${CERT}", key: "${KEY}" }'), listen('{ cert: { file: both.pem }, key: { file: both.pem } }'),
    `listen:\n  tls:\n    cert: |\n${indented(beside['cert.pem'])}\n    key: |\n${indented(leaf.key)}\n${GATEWAY}`
  ]) {
    const { configuration, mistakes, lines } = await load({ gateway, beside, env })
    t.same(mistakes, [], lines.join('\n'))
    const { cert, key } = configuration?.gateway.listen.tls ?? {}
    t.same(cert?.list.map(({ name }) => name), ['the leaf', 'the middle'])
    t.equal(cert?.pem.trim(), beside['cert.pem'].trim(), 'and nothing but certificates')
    t.match(key?.reveal(), /PRIVATE KEY/)
    t.notMatch(inspect(configuration, { depth: 20, showHidden: true }) + JSON.stringify(configuration), leaf.key.split('\n')[1] ?? '')
  }
})

t.test('what was read is watched: each file, also one that is missing', async t => {
  const { read } = await load({ gateway: upstream('{ ca: { file: ca.pem }, cert: { file: cert.pem }, key: { file: nowhere.pem } }'), beside })
  t.same(new Set(read.map(file => file.split('/').at(-1))), new Set(['ca.pem', 'cert.pem', 'gateway.yaml', 'nowhere.pem', 'routes.yaml']))
})

t.test('the tls of what the gateway calls may be any part of it', async t => {
  for (const write of [upstream, issuer, endpoint]) {
    for (const tls of ['{ ca: { file: ca.pem } }', PAIR, '{ server_name: erp.internal }', '{ ca: { file: ca.pem }, cert: { file: cert.pem }, key: { file: key.pem }, server_name: erp }']) {
      const { configuration, lines } = await load({ gateway: write(tls), beside })
      t.ok(configuration, `${tls} ${lines.join('\n')}`)
      t.same(lines, [])
    }
  }
})

interface Row extends Files { readonly gateway: string, readonly wrong: readonly string[], readonly says: RegExp }

const REFUSED: Readonly<Record<string, Row>> = {
  'a key of another certificate': { gateway: listen('{ cert: { file: cert.pem }, key: { file: other.pem } }'), beside: { ...beside, 'other.pem': stranger.key }, wrong: ['1:49 listen.tls.key'], says: /another certificate/ },
  'a key of another kind': { gateway: listen('{ cert: { file: cert.pem }, key: { file: other.pem } }'), beside: { ...beside, 'other.pem': weak }, wrong: ['1:49 listen.tls.key'], says: /another certificate/ },
  'a key with a passphrase': { gateway: listen('{ cert: { file: cert.pem }, key: { file: other.pem } }'), beside: { ...beside, 'other.pem': encrypted }, wrong: ['1:49 listen.tls.key'], says: /encrypted/ },
  'a certificate in the place of a key': { gateway: listen('{ cert: { file: cert.pem }, key: { file: cert.pem } }'), beside, wrong: ['1:49 listen.tls.key'], says: /no private key/ },
  'a key in the place of a certificate': { gateway: listen('{ cert: { file: key.pem }, key: { file: key.pem } }'), beside, wrong: ['1:24 listen.tls.cert'], says: /no certificate/ },
  DER: { gateway: listen('{ cert: { file: cert.der }, key: { file: key.pem } }'), beside: { ...beside, 'cert.der': '0\u0082\u0001' }, wrong: ['1:24 listen.tls.cert'], says: /no certificate in PEM/ },
  'a certificate that is cut off': { gateway: listen('{ cert: { file: cut.pem }, key: { file: key.pem } }'), beside: { ...beside, 'cut.pem': beside['cert.pem'].slice(0, -40) }, wrong: ['1:24 listen.tls.cert'], says: /cut off/ },
  'a certificate with a letter too few': { gateway: listen('{ cert: { file: cut.pem }, key: { file: key.pem } }'), beside: { ...beside, 'cut.pem': beside['cert.pem'].replace(/MII.{8}/, 'MII') }, wrong: ['1:24 listen.tls.cert'], says: /certificate 1 of 2 cannot be read/ },
  'a chain in the wrong order': { gateway: listen('{ cert: { file: cert.pem }, key: { file: key.pem } }'), beside: { ...beside, 'cert.pem': middle.cert + leaf.cert }, wrong: ['1:24 listen.tls.cert'], says: /did not sign/ },
  'a chain with a stranger in it': { gateway: listen('{ cert: { file: cert.pem }, key: { file: key.pem } }'), beside: { ...beside, 'cert.pem': leaf.cert + middle.cert + stranger.cert }, wrong: ['1:24 listen.tls.cert'], says: /certificate 3 of 3 did not sign/ },
  'no key': { gateway: listen('{ cert: { file: cert.pem } }'), beside, wrong: ['1:16 listen.tls'], says: /key is missing/ },
  'an old version': { gateway: listen('{ cert: { file: cert.pem }, key: { file: key.pem }, min_version: TLSv1.1 }'), beside, wrong: ['1:81 listen.tls.min_version'], says: /TLSv1\.2/ },
  'an authority for callers': { gateway: listen('{ cert: { file: cert.pem }, key: { file: key.pem }, ca: { file: ca.pem } }'), beside, wrong: ['1:68 listen.tls.ca'], says: /unknown key/ },
  'a file that is not there': { gateway: listen('{ cert: { file: cert.pem }, key: { file: nowhere } }'), beside, wrong: ['1:49 listen.tls.key'], says: /ENOENT/ },
  'an empty tls': { gateway: upstream('{}'), wrong: ['15:10 upstreams.erp.tls'], says: /empty/ },
  'a certificate without its key': { gateway: upstream('{ cert: { file: cert.pem } }'), beside, wrong: ['15:5 upstreams.erp.tls'], says: /cert alone/ },
  'a key without its certificate': { gateway: issuer('{ key: { file: key.pem } }'), beside, wrong: ['5:5 issuers.main.tls'], says: /key alone/ },
  'a switch that turns verification off': { gateway: upstream('{ insecure: true }'), wrong: ['15:12 upstreams.erp.tls.insecure'], says: /unknown key/ },
  'a name that is none': { gateway: upstream('{ server_name: "https://erp" }'), wrong: ['15:25 upstreams.erp.tls.server_name'], says: /host name/ },
  'tls for an upstream in the clear': { gateway: upstream('{ server_name: erp }').replace('https://erp.example.com\n    cred', 'http://127.0.0.1:8080\n    cred'), wrong: ['15:5 upstreams.erp.tls'], says: /http:\/\// },
  'tls at the endpoint of an issuer': { gateway: GATEWAY.replace('        issuer: main\n', '        issuer: main\n        tls: { server_name: idp }\n'), wrong: ['12:9 upstreams.erp.credential.client_credentials.tls'], says: /issuers\.main/ }
}

t.test('is refused, at its place', async t => {
  for (const [name, { wrong, says, ...files }] of Object.entries(REFUSED)) {
    const { configuration, places, lines } = await load(files)
    t.equal(configuration, undefined, name)
    t.same(places, wrong.map(one => `gateway.yaml:${one}`), `${name}: ${lines.join('\n')}`)
    t.match(lines.join('\n'), says, name)
    t.notMatch(lines.join('\n'), leaf.key.split('\n')[1] ?? '', 'and no key is repeated')
  }
})

t.test('a key that stands where none belongs is not repeated', async t => {
  const key = JSON.stringify(leaf.key)
  for (const gateway of [listen(key), listen(`{ cert: ${key}, key: ${key} }`), listen(`{ cert: [${key}], key: { fiel: ${key} } }`), upstream(`{ ca: ${key} }`), upstream(`{ ca: { ${key}: a } }`), listen(`{ cert: { file: cert.pem }, key: { file: ${key} } }`)]) {
    const { configuration, lines } = await load({ gateway, beside })
    t.equal(configuration, undefined)
    t.notMatch(lines.join('\n'), leaf.key.split('\n')[1] ?? '')
  }
})

t.test('certificates that are not there are a warning of check', async t => {
  const { configuration, places } = await load({ gateway: upstream('{ ca: { file: nowhere }, cert: { env: NOWHERE }, key: { file: nowhere } }'), options: { secrets: 'optional' } })
  t.ok(configuration)
  t.same(places.map(place => place.replace(/:\d+:\d+/, '')), ['ca', 'cert', 'key'].map(key => `warning gateway.yaml upstreams.erp.tls.${key}`))
})

t.test('a certificate that ends within thirty days, has ended, or does not hold yet is a warning, wherever it stands', async t => {
  const ends = (before: number, after: number) => selfSigned({ commonName: 'soon "over"\u001b[31m', ...times(before, after) })
  for (const [name, certificate, says] of [
    ['soon', ends(-300, 12.5), /"soon [ -~]*over[ -~]*" ends on \d{4}-\d\d-\d\d, in 12 days/], ['over', ends(-300, -1), /ended on/], ['not yet', ends(1, 300), /does not hold before/]
  ] as const) {
    const files = { 'cert.pem': certificate.cert, 'key.pem': certificate.key }
    for (const [gateway, place] of [[listen(PAIR), 'listen.tls.cert'], [upstream('{ ca: { file: cert.pem } }'), 'upstreams.erp.tls.ca'], [issuer(PAIR), 'issuers.main.tls.cert'], [endpoint(PAIR), 'upstreams.erp.credential.client_credentials.tls.cert']] as const) {
      const { configuration, places, lines } = await load({ gateway, beside: files })
      t.ok(configuration, `${name}: ${lines.join('\n')}`)
      t.same(places.map(one => one.split(' ').at(-1)), [place])
      t.match(lines, [says], name)
    }
  }
  const { lines } = await load({ gateway: listen(PAIR), beside, options: { now: Date.now() + 340 * day } })
  t.match(lines, [/"the leaf" ends on/, /"the middle" ends on/])
})

t.test('authorities without a root verify nothing, and that is said', async t => {
  const { configuration, places } = await load({ gateway: upstream('{ ca: { file: ca.pem } }'), beside: { 'ca.pem': middle.cert } })
  t.ok(configuration)
  t.same(places, ['warning gateway.yaml:15:16 upstreams.erp.tls.ca'])
})
