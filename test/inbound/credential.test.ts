import t from 'tap'
import { extractCredential } from '../../src/inbound/credential.ts'
import { Refusal } from '../../src/policy/problems.ts'

/** What is found: a token, none, or the refusal's code. */
function outcome (authorization: string | undefined): { token: string | undefined } | string {
  try {
    return { token: extractCredential(authorization) }
  } catch (error) {
    if (error instanceof Refusal) return error.code
    throw error
  }
}

t.test('a Bearer token is taken as it stands, whatever the case of its scheme', async t => {
  for (const scheme of ['Bearer', 'bearer', 'BEARER', 'bEaReR']) t.same(outcome(`${scheme} a.b-c`), { token: 'a.b-c' }, scheme)
  for (const token of ['a', 'Z', '0', '9', '-', '.', '_', '~', '+', '/', 'a=', 'a==', 'azAZ09-._~+/', 'bearer']) {
    t.same(outcome(`Bearer ${token}`), { token }, token)
    t.same(outcome(`Bearer   ${token}`), { token }, `${token} behind more blanks`)
  }
})

t.test('no header and any other scheme are no credential', async t => {
  const values = [undefined, 'Basic', 'Basic YTpi', 'Basic', 'B', 'Bearerx a', 'xBearer a', 'Bearer-a b', 'Negotiate', 'Digest a="b", Bearer c', '1 a', "!#$%&'*+-.^_`|~09azAZ x", 'Basic:a', 'Basic "']
  for (const value of values) t.same(outcome(value), { token: undefined }, String(value))
})

t.test('what is no token, or no scheme, is malformed', async t => {
  const values = ['', ' ', ' Basic a', '=', '"Bearer" a', ', Bearer a', '\u00e9 a', 'Basic a\nb', 'Bearer', 'Bearer ', 'BEARER ', 'Bearer a b', 'Bearer a ', 'Bearer\ta', 'Bearer "a"', 'Bearer a;', 'Bearer:a',
    'Bearer =', 'Bearer =a', 'Bearer a=b', 'Bearer \u00e9', 'Bearer a,b', 'Bearer a,', 'Bearer a, b', 'Bearer a, 1 b', 'Bearer a,; b c', 'Bearer ,Bearer', 'Bearer a\nb']
  for (const value of values) t.equal(outcome(value), 'credential-malformed', value)
})

t.test('a Bearer token that is joined with another credential is ambiguous', async t => {
  for (const value of ['Bearer a, Bearer b', 'Bearer a,Bearer b', 'Bearer a,\t  Bearer b', 'bearer a, Basic b', 'BEARER a, B b', 'Bearer a, bearer ', 'Bearer , Bearer b']) {
    t.equal(outcome(value), 'credential-ambiguous', value)
  }
})
