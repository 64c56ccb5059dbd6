import t from 'tap'
import { casesSchema } from '../../src/config/cases-schema.ts'
import { openFiles, type FileWorld } from '../../src/file-world.ts'
import { decodeToken } from '../../src/inbound/token.ts'
import type { Verified } from '../../src/inbound/verify.ts'
import { classify } from '../../src/policy/principal.ts'
import { refuse } from '../../src/policy/problems.ts'
import { PROFILE_NAMES } from '../../src/policy/profiles/index.ts'
import { rehearse } from '../../src/rehearsal/rehearse.ts'
import type { OpenWorld } from '../../src/rehearsal/stage.ts'
import type { CompiledRoute } from '../../src/routes.ts'
import { configurationOf, ISSUERS } from './issuers.ts'
import { MAIN, rehearsed } from './tried.ts'

const ANY_CASE = { cases: [{ request: 'GET /nowhere', as: 'nobody', expect: 'deny 404' }] }
const OF_EVERY_TOKEN = ['no token', 'expired', 'alg none', 'signed by another key', 'an ID token', 'an AI agent\'s own token']

for (const idp of PROFILE_NAMES) {
  t.test(`${idp}: each rule refuses whatever is spoiled, though nobody wrote a case for it`, async t => {
    // An app has roles there, and no scopes.
    const client = idp === 'entra' ? { role: ['x', 'y'] } : { scope: ['x', 'y'] }
    const { negatives, coverage } = await rehearsed(t, { issuers: { main: ISSUERS[idp] }, routes: [{ match: 'GET /u', require: { user: { scope: 'x' } } }, { match: 'GET /c/*', require: { client } }], cases: ANY_CASE })
    t.same(negatives.filter(({ ok }) => !ok), [])
    t.same(coverage.rules.flatMap(({ unmade }) => unmade), [])
    const whats = (rule: string): string[] => negatives.filter(one => one.rule === rule).map(({ what }) => what)
    const wrong = ['cognito', 'pingam'].includes(idp) ? 'of a client that is not allowed' : 'wrong audience'
    t.same(new Set(whats('GET /u')), new Set([...OF_EVERY_TOKEN, wrong, 'a client', 'without scope x']))
    const word = idp === 'entra' ? 'role' : 'scope'
    t.same(new Set(whats('GET /c/*')), new Set([...OF_EVERY_TOKEN, wrong, 'a user', `without ${word} x`, `without ${word} y`]))
  })
}

t.test('each condition is left out in its turn', async t => {
  const conditions = { scope: 'a', any_scope: ['a', 'b'], permission: ['p', 'q'], any_permission: ['p', 'r'], role: 'k', any_role: ['k', 'l'], client_id: 'saas', audience: 'urn:x', claims: { 'a.b': 1, groups: ['g'] }, max_age: 300, acr: ['high'] }
  const { negatives } = await rehearsed(t, { routes: [{ match: 'GET /a/:b', require: { user: conditions } }], cases: ANY_CASE })
  t.same(negatives.filter(({ ok }) => !ok), [])
  t.same(negatives.map(({ what, got }) => `${what}: ${got}`).slice(8), [
    'without scope a: deny 403 scope-missing', 'without permission p: deny 403 permission-missing', 'without permission q: deny 403 permission-missing',
    'without role k: deny 403 role-missing', 'without any scope of a, b: deny 403 scope-missing', 'without any permission of p, r: deny 403 permission-missing',
    'without any role of k, l: deny 403 role-missing', 'without claim a.b: deny 403 claim-mismatch', 'without claim groups: deny 403 claim-mismatch',
    'of a client that is not listed: deny 403 client-not-listed', 'without the audience of the rule: deny 403 audience-missing',
    'logged in by another acr: deny 401 login-too-weak', 'logged in too long ago: deny 401 login-too-old'
  ])
})

t.test('what another alternative is for is no surprise', async t => {
  const { negatives, ok } = await rehearsed(t, { routes: [{ match: 'GET /a', require: [{ user: { scope: 'a' } }, 'user', { client: { scope: 'b' } }] }], cases: ANY_CASE })
  t.ok(ok)
  t.match(negatives.find(({ what }) => what === 'without scope a'), { byAnother: true, got: 'allow' })
  t.match(negatives.find(({ what }) => what === 'without scope b'), { byAnother: false, got: 'deny 403 scope-missing' })
  t.notOk(negatives.some(({ what }) => what === 'a client' || what === 'a user'), 'both kinds have an alternative')
})

t.test('an issuer that takes too much is found out, though every case is green', async t => {
  // Whatever has a sub would be an access token of a user: ID tokens, and machines.
  const open = { issuer: 'https://id.example.com', audience: ['https://api.example.com', 'saas'], access_token_when: { tenant: 'acme' }, claims: { tenant: 'acme' } }
  const { cases, negatives, ok } = await rehearsed(t, { issuers: { main: open }, routes: [{ match: 'GET /a', require: 'user' }], cases: { cases: [{ request: 'GET /a', as: 'user', expect: 'allow' }, { request: 'GET /a', as: 'nobody', expect: 'deny' }] } })
  t.ok(cases.every(one => one.ok))
  t.ok(ok, 'the hash in an ID token stands in the way')
  t.equal(negatives.find(({ what }) => what === 'an ID token')?.got, 'deny 401 token-kind')
  const wide = await rehearsed(t, { issuers: { main: { ...open, idp: 'zitadel', user_when: { tenant: 'acme' }, access_token_when: undefined } }, routes: [{ match: 'GET /a', require: 'user' }], cases: { cases: [{ request: 'GET /a', as: 'user', expect: 'allow' }] } })
  t.ok(wide.cases.every(one => one.ok))
  t.notOk(wide.ok)
  t.match(wide.negatives.filter(one => !one.ok), [{ what: 'an AI agent\'s own token' }, { what: 'a client', got: 'allow', expected: 'deny 403' }].slice(1))
  t.match(wide.negatives.find(({ what }) => what === 'a client')?.reasons.join('\n'), /let in by GET \/a/)
})

t.test('a gateway that lets in too much fails each of them: one that verifies nothing, and one that decides nothing', async t => {
  const configuration = await configurationOf(t, MAIN, [{ match: 'GET /a', require: { user: { scope: 'x' } } }])
  const cases = casesSchema.parse(ANY_CASE)
  const open = (spoil: (world: FileWorld) => Partial<FileWorld>): OpenWorld => (files, parts) => {
    const world = openFiles(files, parts)
    return { ...world, ...spoil(world) }
  }
  const whats = async (spoil: (world: FileWorld) => Partial<FileWorld>): Promise<string[]> => {
    const { ok, negatives } = await rehearse(configuration, { cases, places: [], now: Date.now(), open: open(spoil) })
    t.notOk(ok)
    return negatives.filter(one => !one.ok).map(({ what }) => what)
  }
  // It takes whatever it can read for what it says it is.
  const credulous = await whats(({ issuers: [issuer] }) => ({
    verifier: {
      verify (token) {
        const [head = '', payload = ''] = token.split('.')
        const decoded = decodeToken(`${head}.${payload}.AAAA`)
        if (issuer === undefined || typeof decoded === 'string') throw new Error('it was made here')
        // Explain asks no more of what was verified.
        return { principal: classify(issuer.policy, decoded) } as Verified
      }
    }
  }))
  // What it does not ask, explain asks by itself: times, kind and audience. Nobody else can tell who signed.
  t.same(credulous, ['alg none', 'signed by another key'])
  const generous = await whats(({ matcher }) => ({
    matcher: {
      ...matcher,
      find (method, path) {
        const { rule, params, rest } = matcher.find(method, path)
        const all: CompiledRoute['rule']['requirement'] = [{ kinds: ['user', 'client'], checks: [], isConstant: true }]
        return { rule: { ...rule, rule: { ...rule.rule, requirement: all } }, params, rest }
      }
    }
  }))
  t.same(generous, ['a client', 'without scope x'])
  // Refused, and by the wrong word: the caller of an expired token would look for a scope.
  const muddled = await whats(({ verifier }) => ({
    verifier: {
      verify (token, wait) {
        try {
          return verifier.verify(token, wait)
        } catch {
          throw refuse('scope-missing', 'no')
        }
      }
    }
  }))
  t.same(muddled, ['expired', 'wrong audience', 'alg none', 'signed by another key', 'an ID token'])
})

t.test('a where is satisfied by a case; where none does it, and where an IdP never could, that is said', async t => {
  const routes = [{ match: 'GET /own/:who', require: { user: { where: 'request.params.who == principal.subject', scope: 'x' } } }]
  const one = { request: 'GET /own/ada', as: 'user', scope: 'x', expect: 'allow' }
  const by = await rehearsed(t, { routes, cases: { cases: [one] } })
  t.same(by.coverage.rules[0]?.unmade, [])
  t.ok(by.negatives.length >= 9)
  t.ok(by.negatives.every(({ ok, request }) => ok && request === 'GET /own/ada'))
  const without = await rehearsed(t, { routes, cases: ANY_CASE })
  t.equal(without.negatives.length, 0)
  t.match(without.coverage.rules[0]?.unmade, [{ issuer: 'main', who: /a user with scope x and where/, why: /where/ }])
  const byHand = await rehearsed(t, { routes, cases: { cases: [{ request: 'GET /own/ada', as: 'user', claims: { scope: 'x' }, expect: 'allow' }] } })
  t.ok(byHand.ok, 'a case that writes by hand what would be spoiled lends nothing')
  t.match(byHand.coverage.rules[0], { unmade: [{ issuer: 'main' }], alternatives: [{ covered: true }] })
  const never = await rehearsed(t, { issuers: { main: ISSUERS.entra }, routes: [{ match: 'GET /a', require: { client: { scope: 'x' } } }], cases: ANY_CASE })
  t.match(never.coverage.rules[0]?.unmade, [{ who: 'a client with scope x', why: /scope has none, wants x/ }])
})

t.test('a rule is asked where it stands: below a star, by a method that is its own, around a key', async t => {
  const routes = [
    { match: 'GET /a/:x/:y', require: 'user' }, { match: 'GET /a/*', require: 'client' },
    { match: 'ANY /m', require: 'user' }, { match: 'GET|POST /m', require: 'client' },
    { match: 'GET /Orders(:id)', require: 'user' }, { match: 'GET /', require: 'user' }
  ]
  const { negatives, coverage } = await rehearsed(t, { routes, cases: ANY_CASE })
  t.same(negatives.filter(({ ok }) => !ok), [])
  t.same(new Set(negatives.map(({ rule }) => rule)), new Set(routes.map(({ match }) => match)))
  t.same(coverage.rules[2]?.methods.map(({ method }) => method), ['PUT', 'PATCH', 'DELETE', 'OPTIONS'])
})

t.test('hundreds of rules are tried', { timeout: 120_000 }, async t => {
  const routes = Array.from({ length: 300 }, (_, at) => ({ match: `GET /r${at}/:id`, require: at % 2 === 0 ? 'user' : { client: { scope: `s${at % 10}` } } }))
  const { ok, negatives, matrix } = await rehearsed(t, { issuers: MAIN, routes, cases: ANY_CASE })
  t.ok(ok)
  t.ok(negatives.length > 2400)
  t.equal(matrix.rows.length, 300)
})

t.test('a rule that only reports refuses nobody by its cases; what is generated is told, and is no surprise', async t => {
  const routes = [{ match: 'GET /a', require: { client: { scope: 'x' } }, enforce: 'report' }]
  const { ok, cases, negatives } = await rehearsed(t, {
    routes,
    cases: { cases: [{ request: 'GET /a', as: 'client', scope: 'x', expect: 'allow' }, { request: 'GET /a', as: 'client', expect: 'deny 403' }, { request: 'GET /a', as: 'id_token', expect: 'deny 401' }] }
  })
  t.same(cases.map(one => [one.ok, one.got]), [[true, 'allow'], [false, 'allow (enforce: report; else deny 403 scope-missing)'], [true, 'deny 401 id-token']])
  t.same(negatives.filter(one => !one.ok), [])
  t.same(negatives.filter(one => one.reported).map(one => one.what), ['a user', 'without scope x'])
  t.equal(ok, false)
})
