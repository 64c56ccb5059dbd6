import t from 'tap'
import { createProxyTrust, networkOf, plainAddress } from '../../src/inbound/proxies.ts'

t.test('a peer is trusted where it is in one of the networks', async t => {
  const trusts = createProxyTrust(['192.0.2.1', '10.1.0.0/16', '2001:db8::1', 'fd00::/8'])
  const trusted = [
    '192.0.2.1', '192.0.2.1:4711', '::ffff:192.0.2.1', '[::ffff:192.0.2.1]:4711', '10.1.0.0', '10.1.255.255', '10.1.2.3:80', '::FFFF:10.1.2.3',
    '2001:db8::1', '2001:DB8:0:0::1', '[2001:db8::1]', '[2001:db8::1]:4711', 'fd00::', 'fdff:ffff::1', 'fd00::1%eth0'
  ]
  const strangers = [
    '192.0.2.0', '192.0.2.2', '192.0.2.2:1', '10.0.255.255', '10.2.0.0', '::ffff:192.0.2.2', '2001:db8::2', '[2001:db8::]:1', 'fc00::1', 'fe00::1', '::1', '127.0.0.1',
    '', 'nonsense', '192.0.2', '192.0.2.1/32', '192.0.2.1, 192.0.2.1', 'unknown', '_hidden'
  ]
  for (const [peers, isOne] of [[trusted, true], [strangers, false]] as const) for (const peer of peers) t.equal(trusts(peer), isOne, peer)
})

t.test('without networks nobody is; in a network of everyone, everyone whose address is one', async t => {
  for (const peer of ['127.0.0.1', '::1', '192.0.2.1', '']) t.equal(createProxyTrust([])(peer), false, peer)
  for (const [network, peers, strangers] of [
    ['0.0.0.0/0', ['192.0.2.1', '::ffff:192.0.2.1'], ['2001:db8::1', 'nonsense', '']],
    ['::/0', ['2001:db8::1', '::1'], ['nonsense', '']]
  ] as const) {
    for (const peer of peers) t.equal(createProxyTrust([network])(peer), true, peer)
    for (const peer of strangers) t.equal(createProxyTrust([network])(peer), false, peer)
  }
})

t.test('an address is told without what stands around it', async t => {
  for (const [address, plain] of [
    ['192.0.2.1:4711', '192.0.2.1'], ['192.0.2.1:8', '192.0.2.1'],
    ['[2001:db8::1]:4711', '2001:db8::1'], ['[2001:db8::1]:8', '2001:db8::1'], ['[2001:db8::1]', '2001:db8::1'], ['[fe80::1%eth0]:80', 'fe80::1%eth0'],
    ['::ffff:192.0.2.1', '192.0.2.1'], ['::ffff:192.0.2.10', '192.0.2.10'], ['::ffff:10.20.30.255', '10.20.30.255'], ['::FFFF:192.0.2.1', '192.0.2.1'], ['[::ffff:192.0.2.1]', '192.0.2.1'], ['[::ffff:192.0.2.1]:4711', '192.0.2.1']
  ] as const) t.equal(plainAddress(address), plain)
})

t.test('where nothing of the kind stands around it, it stays as it is', async t => {
  const addresses = [
    '', '192.0.2.1', '2001:db8::1', '2001:db8::1:80', '2001:DB8::1', '1:2:3:4:5:6:7:8', '::1', '::', 'fe80::1%eth0', '1::ffff:192.0.2.1', '::ffff:1', '::ffff:9999', '::ffff:1.2.3', '::ffff:c000:201', '::fffe:192.0.2.1', '::ffff:192.0.2.1%1',
    'unknown', '_hidden:80', '[192.0.2.1]', '[::1', '::1]', 'x[::1]', '[::1]x', '[::1]:', '[::1]:x', '[::1]:8x', '[::1]]:80', '192.0.2.1:', '192.0.2.1:x', '192.0.2.1:80x', 'x192.0.2.1:80'
  ]
  for (const address of addresses) t.equal(plainAddress(address), address)
})

t.test('whose address it is: an IPv4 one is its own, an IPv6 one its /64, and what is nobody\'s network is itself', async t => {
  for (const [address, network] of [
    ['192.0.2.1', '192.0.2.1'], ['192.0.2.1:4711', '192.0.2.1'], ['::ffff:192.0.2.1', '192.0.2.1'], ['unknown', 'unknown'], ['Un:Known', 'Un:Known'], ['', ''],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'], ['2001:DB8:1:2::1', '2001:db8:1:2'], ['[2001:db8:1:2::1]:4711', '2001:db8:1:2'], ['2001:0db8:0001:0020:3:4:5:6', '2001:db8:1:20'],
    ['2001:db8::1', '2001:db8:0:0'], ['2001:db8::2:1', '2001:db8:0:0'], ['2001:db8::4:5:6:7:8', '2001:db8:0:4'], ['2001:0000:1001:0100::', '2001:0:1001:100'], ['1::', '1:0:0:0'],
    ['::2:3:4:5:6:7:8', '0:2:3:4'], ['::4:5:6:7:8', '0:0:0:4'], ['0:0:0:1::', '0:0:0:1'], ['1:2:3:4:5:6:192.0.2.1', '1:2:3:4'], ['::3:4:5:6:192.0.2.1', '0:0:3:4'], ['1:2::5:6:192.0.2.1', '1:2:0:0'],
    ['fe80::1%eth0', 'fe80:0:0:0'], ['1:2:3::4%eth0::5', '1:2:3:0'],
    ['::1', '0:0:0:0:0:0:0:1'], ['0:0:0:0:0:0:0:1', '0:0:0:0:0:0:0:1'], ['0000:000::0001', '0:0:0:0:0:0:0:1'], ['::', '0:0:0:0:0:0:0:0'], ['::1%lo', '0:0:0:0:0:0:0:1'], ['::AB:0', '0:0:0:0:0:0:ab:0'],
    ['::5:6:7:8', '0:0:0:0:5:6:7:8'], ['0::5:6:7:8', '0:0:0:0:5:6:7:8'], ['::5:6:0:0', '0:0:0:0:5:6:0:0']
  ] as const) t.equal(networkOf(address), network, address)
})
