import t from 'tap'
import { isHost } from '../../src/inbound/host.ts'

t.test('a name, an IPv4 address or an IPv6 one in brackets is a host, with a port or without', async t => {
  const names = ['a', 'Z', 'z', 'A', '0', '9', 'ab', 'a.', 'a-b', 'a_b', 'a..b', 'a--b', 'api.Example.com.', 'a0z9.-_Z', '192.0.2.1', '[::1]', '[0:9:a:f:A:F:0:1]', '[::ffff:192.0.2.1]']
  for (const host of names.flatMap(name => [name, `${name}:1`, `${name}:65535`])) t.equal(isHost(host), true, host)
})

t.test('nothing else is', async t => {
  const hosts = [
    '', ' ', '.', '-', '_', '*', ':', ':80', 'a:', 'a:123456', 'a:x', 'a:8x', 'a:-1', 'a:80:80', '[::1]:', '[::1]:123456', '[::1]80',
    '-a', '.a', '_a', 'a-', 'a_', 'a.-', 'a-:80', ' a', 'a ', 'a b', 'a\n', 'a\tb', '\u00e9', 'a\u00e9b', 'a%41', 'user@a', 'a/', 'a/b', '/a', 'a?', 'a#b', 'a\\b', 'a, b', 'a,b', 'http://a',
    '@', '[', '`', '{', 'a@b', 'a[b', 'a`b', 'a{b', 'a;b',
    '[]', '[::1', '::1]', '::1', '[::g]', '[::G]', '[::`]', '[::@]', '[::/]', '[::;]', '[::1%eth0]', '[a-b]', 'x[::1]', '[::1]x', '[::1]a:80'
  ]
  for (const host of hosts) t.equal(isHost(host), false, host)
})

t.test('it is as long as the longest name with the longest port, and no longer', async t => {
  for (const ending of ['', ':65535']) {
    for (const [length, isOne] of [[261, true], [262, false]] as const) t.equal(isHost('a'.repeat(length - ending.length) + ending), isOne, `${length}${ending}`)
  }
})
