import t, { type Test } from 'tap'
import { ESCAPES, type Grants } from '../../src/policy/grants.ts'
import { compileMatcher, type Matchable, type Matcher } from '../../src/policy/match.ts'
import { parseMatch } from '../../src/policy/pattern.ts'
import { Refusal } from '../../src/policy/problems.ts'
import { parseTarget } from '../../src/policy/target.ts'

interface Rule extends Matchable { readonly name: string }

const ALL: Grants = { escapes: ESCAPES, matrix: true }
const SOME = (...escapes: Grants['escapes']): Grants => ({ escapes, matrix: false })

function matcherOf (rules: Readonly<Record<string, Grants | undefined>>): Matcher<Rule> {
  return compileMatcher(Object.entries(rules).map(([name, grants]) => ({ name, match: parseMatch(name), grants })))
}

/** The parameters of the rule that it meets, or the refusal. */
function asked (matcher: Matcher<Rule>, target: string, method = 'GET'): { readonly rule: string, readonly params: object } | Refusal {
  try {
    const { rule, params } = matcher.find(method, parseTarget(target, method, matcher.admits).path)
    return { rule: rule.name, params }
  } catch (error) {
    if (error instanceof Refusal) return error
    throw error
  }
}

function passes (t: Test, matcher: Matcher<Rule>, rule: string, params: Readonly<Record<string, string>>, target: string): void {
  t.same(asked(matcher, target), { rule, params }, target)
}

/** It is refused, with the very words that it is refused with where no rule admits anything. */
function isRefused (t: Test, matcher: Matcher<Rule>, target: string, method = 'GET'): void {
  const refusal = asked(matcher, target, method)
  const plain = asked(matcherOf({ 'ANY /*': undefined }), target, method)
  if (!(refusal instanceof Refusal) || !(plain instanceof Refusal)) {
    t.fail(`${target} passes`)
    return
  }
  t.same([refusal.code, refusal.detail, refusal.extras], [plain.code, plain.detail, plain.extras], target)
  t.equal(refusal.code, 'target-ambiguous', target)
}

t.test('what a rule admits passes within its own parameters, as sent', async t => {
  const matcher = matcherOf({ 'GET /f/:name': ALL, 'GET /o/K(:key)': ALL, 'GET /o/K(:key)/x/:y': ALL })
  for (const name of ['a%2fb', 'a%2Fb', 'a%2fb%2fc', 'a%5cb', 'a%5C.b', 'a%2541', 'a%25%36%31', 'a%252fb', 'a%25252fb', 'a%3bb', 'a;v=2', 'a;v;w=1,2', 'a%2fb;v', 'a;v%2fb', '%C3%A9%2f%c3%a9', 'a%20b%2fc', 'a.%2f.b', 'a%2f...', 'a%253bb', 'a%255cb']) passes(t, matcher, 'GET /f/:name', { name }, `/f/${name}`)
  for (const key of ["'a%2fb'", "'%2541'", '1%252c2', "'a;b'", "'a%3bb'", '%27a%2fb%27', "'it''s%2f'", "'a%255cb'", "'%2527%2527'"]) passes(t, matcher, 'GET /o/K(:key)', { key }, `/o/K(${key})`)
  passes(t, matcher, 'GET /o/K(:key)/x/:y', { key: "'a%2fb'", y: 'c%2fd;e' }, "/o/K('a%2fb')/x/c%2fd;e")
  t.same(asked(matcher, '/f/a%2fb?x=%2f;', 'HEAD'), { rule: 'GET /f/:name', params: { name: 'a%2fb' } })
})

t.test('what it does not admit, or elsewhere, is the refusal that it always was', async t => {
  const matcher = matcherOf({ 'GET /f/:name': SOME('%2f'), 'GET /g/:name': SOME('%25'), 'GET /h/:name': { escapes: [], matrix: true }, 'GET /i/:name/*': ALL, 'GET /j/K(x=:key)z': ALL, 'GET /k/:name': undefined, 'POST /f/:name': undefined, 'GET /l/caf%C3%A9': ALL })
  for (const path of ['/f/a%5cb', '/f/a%25', '/f/a%252f', '/f/a%3bb', '/f/a;b', '/f/a%2fb;c', '/f%2fa', '/f;v/a', '/f%2f/a', '/g/a%252fb', '/g/a%2fb', '/g/a%253bb', '/g/a%252e', '/h/a%3bb', '/h/a%2fb', '/h;v/a', '/k/a%2fb', '/k/a;v', '/i/a/b%2fc', '/i/a/;b', '/i/a%2fb/c;d', '/i/a/%25', '/j/K%2f(x=1)z', '/j/K(x=1;)z;v', '/j/K(x;=1)z', '/l/caf%C3%A9;v', '/nothing/a%2fb', '/f/a%2fb/c', '/f/a%2fb/']) isRefused(t, matcher, path)
  for (const method of ['POST', 'PUT', 'TRACE']) isRefused(t, matcher, '/f/a%2fb', method)
  t.equal(asked(matcher, '/i/a%2fb/c') instanceof Refusal, false)
})

t.test('none of its readings is another rule\'s', async t => {
  const matcher = matcherOf({
    'GET /f/:name': ALL, 'GET /f/:a/secret': undefined, 'GET /f/admin': undefined, 'GET /f/:a/:b/*': undefined, 'GET /f/Caf%C3%A9': undefined, 'GET /f/K(:key)': ALL, "GET /f/K('1')": undefined, 'GET /:x/top': ALL, 'GET /o/K(:key)': ALL, 'GET /o/*': undefined
  })
  for (const name of ['a%2fsecret', 'a%5csecret', 'a%252fsecret', 'a%25252Fsecret', 'a%2fSECRET', 'a%2fsecret.', 'a%2fsecr%65t', 'a%2fsecret;v', 'a;v%2fsecret', 'a%3bv%2fsecret', 'a%2fb%2fc', 'a%5cb%2fc', 'admin;v=1', 'ADMIN;v', 'admin%3bv', '%2561dmin', 'admin.;v', 'caf%25c3%25a9', 'caf%C3%A9;v', 'K%2528', "K%2528'2')", "K('1%2527)", "K(%2527%31')", "k('1;2')", "K('1');v", "K%2520('1')"]) isRefused(t, matcher, `/f/${name}`)
  for (const path of ['/f%2ftop', '/a%2fb/top', '/o;v/top', "/o/K('a%2fb')", "/o/K('a;b')"]) path === '/a%2fb/top' ? passes(t, matcher, 'GET /:x/top', { x: 'a%2fb' }, path) : isRefused(t, matcher, path)
  for (const name of ['a%2fb', 'a%5cb', 'admins;v', 'a%2fsecrets', 'secret;v', "K('2%2561')"]) t.equal(asked(matcher, `/f/${name}`) instanceof Refusal, false, name)
})

t.test('nor another rule\'s in the letter case that it has', async t => {
  // In small letters it would be its own.
  const matcher = matcherOf({ 'GET /:n/Top/*': ALL, 'GET /:a/:b/*': undefined })
  isRefused(t, matcher, '/p%2ftop/Top/z')
  t.equal(asked(matcher, '/p%2541/Top/z') instanceof Refusal, false)
})

t.test('a percent sign alone, once decoded, is text; of what is decoded all the same every escape counts', async t => {
  const matcher = matcherOf({ 'GET /f/:name': ALL, 'GET /f/:a/secret': undefined, 'GET /o/K(:key)': ALL })
  for (const name of ['100%25', '%25', 'a%25zz', '50%25%20off']) passes(t, matcher, 'GET /f/:name', { name }, `/f/${name}`)
  passes(t, matcher, 'GET /o/K(:key)', { key: "'100%25'" }, "/o/K('100%25')")
  for (const path of ['/f/a%25zz%252fsecret', '/f/%25%252fsecret', '/f/a%25zz%252f..', "/o/K('%25%2527)('b')", '/f/a%25zz%2500']) isRefused(t, matcher, path)
})

t.test('none of its readings is no path, or has what no path may have', async t => {
  const matcher = matcherOf({ 'GET /f/:name': ALL, 'GET /o/K(:key)': ALL, "GET /o/L(':key')": ALL, 'GET /f/:name/x': ALL })
  for (const name of ['..%2fa', 'a%2f..', 'a%2f..%2fb', '..%5ca', '%2f', '%2fa', 'a%2f', 'a%2f%2fb', 'a%2f%5cb', 'a%5c', '..;v', '.;', ';v', ';', '.%3ba', '..%3b', '%3b', 'a%2f;v', 'a%2f.;v%2fb', '..%252fa', 'a%252f..', '%252e%252e', '%252e', 'a%252e', 'a%25c3', 'a%25ff', 'a%25c3%2528', 'a%2500', 'a%250a', 'a%257f', 'a%2523', 'a%253f', 'a%25e2%2580%258b', 'a%25c2%2585', 'a%2f%2500', 'a%20%2fb', 'a%2f%20b', 'a%2520', 'a%20;v', 'a%2525252541', 'a%25252525', 'a%2f%00', 'a%2f%ff', 'a;v=%0a', 'a;v=%2e', 'a%2f$batch', 'a%2f%24BATCH', '$batch;v', '%2524batch', '$batch%3b', 'a%5c$Batch.', '$batch%2fa', 'a;%', 'a;%zz', '%2%2f5', '%C3%2f%A9']) {
    isRefused(t, matcher, `/f/${name}`)
    isRefused(t, matcher, `/f/${name}/x`)
  }
  for (const key of ["K('1%2527)", "K('1%2527')", 'K(1%2529x%25282)', 'K(1)%2fx', 'K(1%2f..%2fx)', 'K(..%2fx)', 'K(%2fx)', 'K(x%2f)', 'K(1%2f$batch)', "L('..%2fx')", "L('x%2f..')", "L('a;')x", "L('1%2527x')", "L('a%252f..')", "L('$batch;v')", 'K(1%2525252541)', 'K(1;v', 'K(;v)']) isRefused(t, matcher, `/o/${key}`)
})

t.test('a file where no rule admits anything asks nothing about it', async t => {
  t.equal(matcherOf({ 'GET /f/:name': undefined }).admits, undefined)
})

t.test('no path is slow to read', async t => {
  const matcher = matcherOf({ 'GET /f/:name': ALL, 'GET /o/K(:key)': ALL, 'GET /f/:a/:b/:c': undefined })
  for (const part of ['%2f', 'a%2f', '%25', '%2525', '%255c', ';', 'a;%5c', '%253b', '%20%2f', "'", '%2527', '(', 'a;%2fb%5c%3bc%25', '..;']) {
    for (const path of [`/f/${part.repeat(16_000 / part.length)}`, `/o/K(${part.repeat(16_000 / part.length)})`, `/f/%25${'25'.repeat(8000)}`, `/o/K(%25${'25'.repeat(8000)})`]) t.ok(asked(matcher, path))
  }
})
