import t from 'tap'
import { classify, type TokenKind, type VerifiedToken } from '../../../src/policy/principal.ts'
import { PROFILE_NAMES } from '../../../src/policy/profiles/index.ts'
import { ID_TOKENS } from './id-tokens.ts'
import { issuer, table, token, type Row } from './table.ts'

const claims = { sub: 'ann', client_id: 'saas', aud: 'https://api', scope: 'erp', auth_time: 1_700_000_000 }
const typed = (typ: unknown): VerifiedToken => token(claims, { typ })

const row = (typ: unknown, kind: TokenKind): Row =>
  [`typ ${JSON.stringify(typ)} is ${kind}`, typed(typ), kind, kind === 'access' ? 'user' : 'unknown']

table(issuer('rfc9068'), [
  ...['at+jwt', 'AT+JWT', 'At+Jwt', 'application/at+jwt', 'Application/AT+JWT'].map(typ => row(typ, 'access')),
  ...[
    ['at+jwt'], { typ: 'at+jwt' }, null, 1, true, '', ' at+jwt', 'at+jwt ', 'at+jwt ;x', 'at+jwt;x', 'at+jwt\n',
    'application/application/at+jwt', 'application/', 'x/at+jwt', 'at+jw', 'at jwt', 'ａt+jwt', 'JWT', 'application/jwt'
  ].map(typ => row(typ, 'unknown')),
  row('logout+jwt', 'logout'),
  row('application/logout+jwt', 'logout')
])

t.test('a typ that the header inherits is none', async t => {
  const header = Object.assign(Object.create({ typ: 'at+jwt' }) as object, { alg: 'RS256' })
  t.not(classify(issuer('rfc9068'), { header, claims: { ...claims } }).tokenKind, 'access')
})

t.test('events make a logout token at every IdP, whatever else the token says', async t => {
  for (const name of PROFILE_NAMES) {
    for (const typ of ['at+jwt', 'JWT', undefined]) {
      const { tokenKind, kind } = classify(issuer(name), token({ ...ID_TOKENS[name].claims, events: {}, typ: 'Bearer', token_use: 'access' }, { typ }))
      t.same([tokenKind, kind], ['logout', 'unknown'], name)
    }
  }
})
