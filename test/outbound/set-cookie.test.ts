import t from 'tap'
import { readSetCookie } from '../../src/outbound/set-cookie.ts'

const NOW = Date.parse('2026-06-01T00:00:00Z')

const kept: ReadonlyArray<readonly [line: string, name: string, value: string]> = [
  ['SAP_SESSIONID_S4H_100=abc%3d; path=/; secure; HttpOnly', 'SAP_SESSIONID_S4H_100', 'abc%3d'],
  ['sap-usercontext=sap-client=100; path=/', 'sap-usercontext', 'sap-client=100'],
  ['a=', 'a', ''],
  [' a = b ', 'a', 'b'],
  ['a="b"', 'a', '"b"'],
  ['a=b; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT', 'a', 'b'],
  ['a=b; Max-Age=0; Max-Age=60', 'a', 'b'],
  ['a=b; Expires=Wed, 01-Jan-2031 00:00:00 GMT', 'a', 'b'],
  ['a=b; Expires=nonsense; Max-Age=soon', 'a', 'b'],
  ['a=b;;=;; Path', 'a', 'b']
]

t.test('a cookie is its name and its value, whatever else is said of it', async t => {
  for (const [line, name, value] of kept) t.same(readSetCookie(line, NOW), { name, value }, line)
})

t.test('one that ends at once is to be forgotten', async t => {
  for (const attributes of ['Max-Age=0', 'max-age=-1', 'Max-Age=60; Max-Age=0', 'Expires=Thu, 01 Jan 1970 00:00:01 GMT', 'expires=Thu, 01-Jan-1970 00:00:01 GMT', 'Max-Age=0; Expires=Wed, 01-Jan-2031 00:00:00 GMT']) {
    t.same(readSetCookie(`a=b; ${attributes}`, NOW), { name: 'a', value: undefined }, attributes)
  }
})

t.test('what no Cookie header could carry is none', async t => {
  for (const line of ['', 'a', '=b', '; a=b', 'a b=c', 'a,b=c', 'a=b c', 'a=b\r\nX-Evil: 1', 'a=b\0', 'a=b\x7f', 'a=ü', 'ü=a', `a=${'b'.repeat(4097)}`, `${'a'.repeat(129)}=b`]) {
    t.equal(readSetCookie(line, NOW), undefined, JSON.stringify(line.slice(0, 20)))
  }
  t.match(readSetCookie(`a=${'b'.repeat(4096)}`, NOW), { name: 'a' })
})

t.test('an endless line costs no more than a long one', async t => {
  t.same(readSetCookie(`a=b${'; x'.repeat(1_000_000)}`, NOW), { name: 'a', value: 'b' })
})
