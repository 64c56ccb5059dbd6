import t from 'tap'
import { originOf, type Connection, type Origin } from '../../src/inbound/origin.ts'

const stranger: Connection = { ip: '192.0.2.1', ips: undefined, peerIsTrusted: false, encrypted: false }
const proxy: Connection = { ip: '192.0.2.1', ips: ['10.0.0.2', '10.0.0.1', '192.0.2.1'], peerIsTrusted: true, encrypted: false }
const own: Origin = { address: '192.0.2.1', chain: '192.0.2.1', protocol: 'http', host: 'own.example.com' }
const behind: Origin = { ...own, chain: '192.0.2.1, 10.0.0.1, 10.0.0.2' }
const forwarded = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'api.example.com:8443' }

t.test('of a stranger it is what the connection shows, whatever he says', async t => {
  for (const headers of [{}, forwarded]) {
    t.same(originOf(stranger, headers, own.host), own)
    t.same(originOf({ ...stranger, encrypted: true }, headers, undefined), { ...own, protocol: 'https', host: undefined })
  }
  t.same(originOf({ ...proxy, peerIsTrusted: false }, forwarded, own.host), behind, 'the chain is told by the framework')
})

t.test('of a trusted peer what it forwards is believed, each for itself', async t => {
  for (const [headers, expected] of [
    [{}, behind],
    [forwarded, { ...behind, protocol: 'https', host: 'api.example.com:8443' }],
    [{ 'x-forwarded-proto': 'https' }, { ...behind, protocol: 'https' }],
    [{ 'x-forwarded-host': 'api.example.com' }, { ...behind, host: 'api.example.com' }],
    [{ 'x-forwarded-for': '203.0.113.7', forwarded: 'for=203.0.113.7;proto=https' }, behind]
  ] as const) t.same(originOf(proxy, headers, own.host), expected)
  t.same(originOf({ ...proxy, encrypted: true }, { 'x-forwarded-proto': 'http' }, undefined), { ...behind, protocol: 'http', host: undefined })
})

t.test('what is not one well-formed thing is not believed', async t => {
  for (const encrypted of [false, true]) {
    const expected = { ...behind, protocol: encrypted ? 'https' : 'http' }
    for (const protocol of ['', 'gopher', 'HTTPS', 'https, http', 'http,http', ['https']]) t.same(originOf({ ...proxy, encrypted }, { 'x-forwarded-proto': protocol }, own.host), expected)
    for (const host of ['', 'a/b', 'a.example.com, b.example.com', 'user@a', ['api.example.com']]) t.same(originOf({ ...proxy, encrypted }, { 'x-forwarded-host': host }, own.host), expected)
  }
})
