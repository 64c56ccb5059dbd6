import t from 'tap'
import type { Presented } from '../../src/outbound/credential.ts'
import { asksForToken, CsrfSession, readSession } from '../../src/outbound/csrf-session.ts'

const NOW = Date.parse('2026-06-01T00:00:00Z')
const TOKEN = 'aBcDeFgHiJkLmNoP=='
const LOGIN: Presented = { headers: ['Authorization', 'Bearer of-the-gateway'], id: 'one', secrets: ['of-the-gateway'] }

function head (...lines: ReadonlyArray<readonly [string, string]>): Buffer[] {
  return lines.flat().map(part => Buffer.from(part, 'latin1'))
}

function sessionOf (...lines: ReadonlyArray<readonly [string, string]>): CsrfSession {
  const session = readSession(head(['x-csrf-token', TOKEN], ...lines), 'X-CSRF-Token', NOW)
  if (typeof session === 'string') throw new Error(session)
  return session
}

t.test('a request that writes carries cookies and token, any other the cookies', async t => {
  const session = sessionOf(['Set-Cookie', 'SID=abcdefgh; path=/'], ['content-type', 'x'], ['SET-COOKIE', 'ctx=client=100'])
  t.same(session.show(LOGIN, true), {
    headers: ['Authorization', 'Bearer of-the-gateway', 'Cookie', 'SID=abcdefgh; ctx=client=100', 'X-CSRF-Token', TOKEN],
    id: 'one',
    secrets: ['of-the-gateway', TOKEN, 'abcdefgh', 'client=100']
  })
  t.same(session.show(LOGIN, false).headers, ['Authorization', 'Bearer of-the-gateway', 'Cookie', 'SID=abcdefgh; ctx=client=100'])
})

t.test('a token alone is a session, too, and short values are no secrets', async t => {
  t.same(sessionOf().show(LOGIN, true).headers.slice(2), ['X-CSRF-Token', TOKEN])
  t.same(sessionOf().show(LOGIN, false).headers, LOGIN.headers)
  t.same(sessionOf(['set-cookie', 'lang=en']).show(LOGIN, true).secrets, ['of-the-gateway', TOKEN])
})

t.test('what is shown is made once, and anew for another login or another cookie', async t => {
  const session = sessionOf(['set-cookie', 'SID=first'])
  const shown = session.show(LOGIN, true)
  t.equal(session.show(LOGIN, true), shown)
  t.not(session.show(LOGIN, false), shown)
  session.heard(head(['set-cookie', 'SID=first']), NOW)
  t.equal(session.show(LOGIN, true), shown)
  const other = { ...LOGIN, headers: ['Authorization', 'Bearer another'], id: 'two' }
  t.match(session.show(other, true), { id: 'two', headers: ['Authorization', 'Bearer another', 'Cookie', 'SID=first'] })
})

t.test('cookies of the session are set anew and end; no other one begins', async t => {
  const session = sessionOf(['set-cookie', 'SID=first'], ['set-cookie', 'ctx=1'])
  session.heard(head(['Set-Cookie', 'SID=second; path=/'], ['set-cookie', 'sap-contextid=SID%3aANON'], ['set-cookie', 'sid=other']), NOW)
  t.equal(session.show(LOGIN, false).headers[3], 'SID=second; ctx=1')
  session.heard(head(['set-cookie', 'SID=x y'], ['set-cookie', `SID=${'x'.repeat(5000)}`]), NOW)
  t.equal(session.show(LOGIN, false).headers[3], 'SID=second; ctx=1')
  session.heard(head(['set-cookie', 'ctx=; Max-Age=0']), NOW)
  t.equal(session.show(LOGIN, false).headers[3], 'SID=second')
  session.heard(head(['set-cookie', 'ctx=back']), NOW)
  t.equal(session.show(LOGIN, false).headers[3], 'SID=second')
  session.heard(head(['set-cookie', 'SID=; Expires=Thu, 01 Jan 1970 00:00:00 GMT']), NOW)
  t.same(session.show(LOGIN, false).headers, LOGIN.headers)
})

t.test('cookies do not grow past what a request can carry', async t => {
  const names = ['a', 'b', 'c']
  const session = sessionOf(...names.map(name => ['set-cookie', `${name}=x`] as const))
  for (const name of names) session.heard(head(['set-cookie', `${name}=${'y'.repeat(4000)}`]), NOW)
  t.ok((session.show(LOGIN, false).headers[3]?.length ?? 0) <= 8192)
  t.equal(readSession(head(['x-csrf-token', TOKEN], ...names.map(name => ['set-cookie', `${name}=${'x'.repeat(4000)}`] as const)), 'X-CSRF-Token', NOW), 'more cookies than a request can carry')
  t.equal(readSession(head(['x-csrf-token', TOKEN], ...Array.from({ length: 21 }, (_, at) => ['set-cookie', `c${at}=x`] as const)), 'X-CSRF-Token', NOW), 'more cookies than a request can carry')
})

t.test('an answer without a token that a header can carry gives no session', async t => {
  const none: ReadonlyArray<ReadonlyArray<readonly [string, string]>> = [
    [], [['x-csrf-token', '']], [['x-csrf-token', 'Required']], [['x-csrf-token', 'REQUIRED']], [['x_csrf_token', TOKEN]],
    [['x-csrf-token', 'two words']], [['x-csrf-token', 'a\r\nX-Evil: 1']], [['x-csrf-token', 'a\nb']], [['x-csrf-token', 'ü']], [['x-csrf-token', 'a\0']],
    [['x-csrf-token', 'x'.repeat(4097)]], [['x-csrf-token', TOKEN], ['X-CSRF-Token', 'another']]
  ]
  for (const lines of none) t.type(readSession(head(...lines), 'X-CSRF-Token', NOW), 'string', JSON.stringify(lines).slice(0, 60))
  t.type(readSession(head(['X-Csrf-Token', TOKEN], ['x-csrf-token', TOKEN]), 'X-CSRF-Token', NOW), CsrfSession)
  t.type(readSession(head(['X-Csrf-Token', 'x'.repeat(4096)]), 'X-CSRF-Token', NOW), CsrfSession)
})

t.test('that a token is wanted is a 403 that says so', async t => {
  const says = (status: number, value: string, name = 'X-CSRF-Token') => asksForToken(status, head([name, value]), 'x-csrf-token')
  for (const value of ['Required', 'required', 'REQUIRED', ' Required ']) t.equal(says(403, value), true, value)
  for (const value of ['', 'Fetch', 'NotRequired', 'Required, x']) t.equal(says(403, value), false, value)
  t.equal(says(401, 'Required'), false)
  t.equal(says(200, 'Required'), false)
  t.equal(says(403, 'Required', 'X-Other-Token'), false)
})
