import t from 'tap'
import { remedyFor } from '../../src/explain/remedy.ts'
import { PROBLEMS, refuse, type ProblemCode } from '../../src/policy/problems.ts'

t.test('every refusal has a remedy, in one line, whatever is known of the request', async t => {
  const remedies = new Map<string, ProblemCode>()
  for (const code of Object.keys(PROBLEMS) as ProblemCode[]) {
    const remedy = remedyFor({ refusal: refuse(code, `The detail of ${code}.`), route: undefined, principal: undefined, issuer: undefined })
    t.match(remedy, /^\S.{20,500}$/, code)
    t.notMatch(remedy, /undefined|\[object/, code)
    remedies.set(remedy, code)
  }
  t.ok(remedies.size > Object.keys(PROBLEMS).length - 4, 'and few share one')
})

t.test('it names what is there and what is wanted', async t => {
  const issuer = { name: 'main', audience: ['https://api.example.com'] }
  for (const code of ['id-token', 'token-kind', 'audience-mismatch', 'token-not-jwt'] as const) {
    t.match(remedyFor({ refusal: refuse(code, ''), route: undefined, principal: undefined, issuer }), 'https://api.example.com', code)
  }
  const lacking = remedyFor({ refusal: refuse('scope-missing', 'The access token has scope read:address; this route wants write:address.'), route: undefined, principal: undefined, issuer })
  t.match(lacking, 'has scope read:address; this route wants write:address')
})
