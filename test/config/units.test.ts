import t from 'tap'
import { parseDuration, parseFraction, parsePercent, parseSize } from '../../src/config/units.ts'
import { isNetwork, whyNotReachable } from '../../src/config/urls.ts'

t.test('durations are whole numbers with a unit, in milliseconds', t => {
  for (const [text, ms] of Object.entries({ '250ms': 250, '30s': 30_000, '5m': 300_000, '1h': 3_600_000, '24h': 86_400_000, '0s': 0 })) t.equal(parseDuration(text), ms)
  for (const text of ['', '5', 's', '-5s', '+5s', '1.5s', '1e3s', '5 s', ' 5s', '5s ', '5S', '5min', '5d', 'Infinity', 'Infinitys', 'NaNs', '9999999999s', '5s\n', '٥s']) t.equal(parseDuration(text), undefined, text)
  t.end()
})

t.test('sizes are whole numbers with a unit, in bytes', t => {
  for (const [text, bytes] of Object.entries({ '0B': 0, '512B': 512, '32KiB': 32_768, '10MiB': 10_485_760, '1GiB': 1_073_741_824 })) t.equal(parseSize(text), bytes)
  for (const text of ['', '10', '10KB', '10kib', '10M', '-1B', '1.5MiB', '1e3B', '10 MiB', 'InfinityB']) t.equal(parseSize(text), undefined, text)
  t.end()
})

t.test('percents are whole numbers from 1 to 100, as a part of one', t => {
  for (const [text, part] of Object.entries({ '1%': 0.01, '20%': 0.2, '99%': 0.99, '100%': 1 })) t.equal(parsePercent(text), part)
  for (const text of ['', '%', '0%', '101%', '050%', '20', '0.5', '1.5%', '-5%', '20 %', '20%\n', '200%']) t.equal(parsePercent(text), undefined, text)
  t.end()
})

t.test('fractions are plain digits from 0 to 1', t => {
  for (const [text, part] of Object.entries({ 0.5: 0.5, 0.25: 0.25, '0.50': 0.5, 1: 1 })) t.equal(parseFraction(text), part)
  for (const text of ['', '.5', '0.', '0', '00.5', '1.0', '1.5', '5', '-0.5', '+0.5', '5e-1', '0,5', ' 0.5', '0.5\n', '0.5%', '0.1234567890', 'Infinity']) t.equal(parseFraction(text), undefined, text)
  t.end()
})

t.test('an address or a CIDR block is one, and nothing else is', t => {
  for (const text of ['10.0.0.1', '10.0.0.0/8', '0.0.0.0/0', '::1', 'fd00::/8', '::ffff:10.0.0.0/104']) t.ok(isNetwork(text), text)
  for (const text of ['', '10.0.0', '10.0.0.0/33', '10.0.0.0/08', '10.0.0.0/', '/8', 'fe80::1%eth0', 'localhost', '010.0.0.1', '10.0.0.0/-1']) t.notOk(isNetwork(text), text)
  t.end()
})

t.test('plain http goes to loopback only, and nothing to a link-local address', t => {
  for (const url of ['https://example.com', 'http://127.0.0.1', 'http://127.255.0.1:80', 'http://localhost', 'http://[::1]', 'http://LOCALHOST']) t.equal(whyNotReachable(url, false), undefined, url)
  for (const url of ['http://example.com', 'http://127.0.0.1.nip.io', 'http://0.0.0.0', 'http://[::]', 'http://128.0.0.1', 'http://localhost.evil.example']) t.type(whyNotReachable(url, false), 'string', url)
  for (const url of ['http://169.254.169.254', 'https://169.254.1.1', 'http://[fe80::1]', 'http://[::ffff:169.254.169.254]', 'http://0xa9fea9fe', 'http://2852039166', 'file:///etc/passwd', 'data:application/json,{}', 'ftp://127.0.0.1/']) t.type(whyNotReachable(url, true), 'string', url)
  t.equal(whyNotReachable('http://example.com', true), undefined)
  t.end()
})
