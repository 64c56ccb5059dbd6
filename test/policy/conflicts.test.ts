import t from 'tap'
import { findConflicts, methodsOf } from '../../src/policy/conflicts.ts'
import { parseMatch } from '../../src/policy/pattern.ts'

/** `kind: rule | other | methods`, one line each. */
function conflictsOf (...names: readonly string[]): string[] {
  return findConflicts(names.map(name => ({ name, match: parseMatch(name) })))
    .map(({ kind, rule, other, methods }) => `${kind}: ${rule.name} | ${other.name} | ${methods.join(' ')}`)
}

for (const [promise, rules, conflicts] of [
  ['different paths', ['GET /a', 'GET /b', 'GET /a/:id', 'GET /a/b'], []],
  ['one path, different methods', ['GET /a', 'POST /a', 'PUT|PATCH /a'], []],
  ['ANY beside a named method', ['ANY /a', 'GET /a', 'POST /a'], []],
  ['HEAD of its own beside GET', ['GET /a', 'HEAD /a'], []],
  ['a narrower path with all the methods of the broader', ['GET /a/*', 'GET /a/:id', 'GET /a/b'], []],
  ['crossing paths, of which neither is the narrower', ['GET /a/:x', 'GET /:x/b'], []],
  ['/x beside /x/*', ['GET /x', 'GET /x/*'], []],
  ['/x/* beside some of what is below', ['GET /x/*', 'GET /x/:y/:z'], []],
  ['/x/* beside most of what is below', ['GET /x/*', 'GET /x/:y/*', 'GET /x/:y'], []],
  ['/* beside paths of three lengths', ['GET /*', 'GET /:a', 'GET /:a/:b', 'GET /:a/:b/:c'], []],
  ['/x/* beside all of what is near below', ['GET /x/', 'GET /x/:y', 'GET /x/:y/:z', 'GET /x/*'], []],
  ['/*, under which every length but the longest is another\'s', ['GET /', 'GET /:a', 'GET /:a/:b', 'GET /:a/:b/:c', 'GET /*'], []],
  ['a longer path that * does not reach', ['POST /x/:y/*', 'GET /x/:y'], []],
  ['/x/* beside broader ones that it is no part of', ['GET|POST /x/:y/:z', 'GET /x/*'], []],
  ['a literal that looks as this program\'s own samples do', ['GET /:x', 'POST|GET /~sample~', 'GET /~SAMPLE~~/:y', 'GET /:x/:y/*'], []],
  ['keys of other heads and tails', ['GET /a/K(:x)', 'GET /a/K(y=:x)', 'GET /a/K(:x,z=1)', "GET /a/K(':x')", "GET /a/K('1')", 'GET /a/L(:x)', 'GET /a/:y'], []],
  ['a key whose head goes on as this program\'s own samples begin', ['GET /K(:x)', 'GET /K(~:x)', 'GET /K(:x~)', 'GET /K(\u4e00:x)', 'GET /K(~sample~)'], []],
  ['a literal colon or star beside a parameter or *', ['GET /x/%3A', 'GET /x/:y', 'GET /x/%2A', 'GET /x/*'], []]
] as const) t.test(`no conflict: ${promise}`, async t => { t.same(conflictsOf(...rules), conflicts) })

for (const [promise, rules, conflicts] of [
  ['the same rule twice', ['GET /a', 'GET /a'], ['equal-precedence: GET /a | GET /a | GET']],
  ['one method in two lists', ['GET|POST /a', 'POST|PUT /a'], ['equal-precedence: POST|PUT /a | GET|POST /a | POST']],
  ['parameters by other names', ['GET /a/:x', 'GET /a/:y'], ['equal-precedence: GET /a/:y | GET /a/:x | GET']],
  ['keys by other names', ['GET /a/K(:x)', 'GET /a/K(:y)'], ['equal-precedence: GET /a/K(:y) | GET /a/K(:x) | GET']],
  ['another spelling of what stands around a key', ['GET /%4B(\u00e9=:x)', 'GET /K(%c3%a9=:y)'], ['equal-precedence: GET /K(%c3%a9=:y) | GET /%4B(\u00e9=:x) | GET']],
  ['another spelling of a literal', ['GET /caf\u00e9', 'GET /caf%c3%a9'], ['equal-precedence: GET /caf%c3%a9 | GET /caf\u00e9 | GET']],
  ['ANY twice', ['ANY /a', 'ANY /a'], ['equal-precedence: ANY /a | ANY /a | GET HEAD POST PUT PATCH DELETE OPTIONS']],
  ['three of one kind', ['GET /a', 'GET /a', 'GET /a'], ['equal-precedence: GET /a | GET /a | GET', 'equal-precedence: GET /a | GET /a | GET', 'equal-precedence: GET /a | GET /a | GET']]
] as const) t.test(`equal precedence: ${promise}`, async t => { t.same(conflictsOf(...rules), conflicts) })

for (const [promise, rules, conflicts] of [
  ['beside the path without its last slash', ['GET /a', 'GET /a/'], ['never-matches: GET /a/ | GET /a | GET']],
  ['each other\'s, in another letter case', ['GET /Orders', 'GET /orders'], ['never-matches: GET /Orders | GET /orders | GET', 'never-matches: GET /orders | GET /Orders | GET']],
  ['ANY with every method named beside it', ['ANY /a', 'GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS /a'], ['never-matches: ANY /a | GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS /a | GET HEAD POST PUT PATCH DELETE OPTIONS']],
  ['all that is below, in another letter case', ['GET /Orders/*', 'POST /orders/*'], ['never-matches: GET /Orders/* | POST /orders/* | GET', 'never-matches: POST /orders/* | GET /Orders/* | POST']],
  ['beside a path of other methods without its last slash', ['GET /a/', 'POST /a'], ['never-matches: GET /a/ | POST /a | GET']],
  ['beside all of what is below', ['GET /a/', 'GET /a/:x', 'GET /a/:x/*', 'GET /a/*'], ['never-matches: GET /a/* | GET /a/:x/* | GET']],
  ['an encoded space at an end', ['GET /a/%20b'], ['never-matches: GET /a/%20b | GET /a/%20b | GET']],
  ['an encoded space at an end, beside the path without', ['GET /a', 'GET /a%20'], ['never-matches: GET /a%20 | GET /a%20 | GET']],
  ['a character that nobody sees', ['GET /a%E2%80%8Bb'], ['never-matches: GET /a%E2%80%8Bb | GET /a%E2%80%8Bb | GET']],
  ['keys of each other\'s, in another letter case', ['GET /K(:x)', 'GET /k(:x)'], ['never-matches: GET /K(:x) | GET /k(:x) | GET', 'never-matches: GET /k(:x) | GET /K(:x) | GET']],
  ['a key beside the same with a space', ['GET /K%20(:x)', 'GET /K(:x)'], ['never-matches: GET /K%20(:x) | GET /K(:x) | GET']],
  ['a key beside the same with a dot behind it', ['GET /K(:x)', 'GET /K(:x).'], ['never-matches: GET /K(:x) | GET /K(:x). | GET', 'never-matches: GET /K(:x). | GET /K(:x) | GET']],
  ['a C1 control', ['GET /a%C2%85b'], ['never-matches: GET /a%C2%85b | GET /a%C2%85b | GET']]
] as const) t.test(`a rule that can never match: ${promise}`, async t => { t.same(conflictsOf(...rules), conflicts) })

for (const [promise, rules, conflicts] of [
  ['a literal hides a method of *', ['ANY /a/*', 'GET /a/b'], ['hides: GET /a/b | ANY /a/* | POST PUT PATCH DELETE OPTIONS']],
  ['a parameter hides one of *', ['GET|POST /a/*', 'GET /a/:id'], ['hides: GET /a/:id | GET|POST /a/* | POST']],
  ['a literal hides one of a parameter', ['DELETE|GET /a/:id', 'GET /a/b'], ['hides: GET /a/b | DELETE|GET /a/:id | DELETE']],
  ['a literal at the root hides one of a parameter and one of *', ['POST /*', 'PUT /:x', 'GET /a'], ['hides: PUT /:x | POST /* | POST', 'hides: GET /a | PUT /:x | PUT', 'hides: GET /a | POST /* | POST']],
  ['two rules of a path hide what neither has', ['ANY /a/*', 'GET /a/b', 'POST /a/b'], ['hides: GET /a/b | ANY /a/* | PUT PATCH DELETE OPTIONS']],
  ['a literal before * hides one of a parameter before it', ['GET|POST /:x/*', 'GET /a/*'], ['hides: GET /a/* | GET|POST /:x/* | POST']],
  ['what is deeper hides one of what is above', ['GET|POST /*', 'GET /a/b/*', 'GET /a/b/c/:d'], ['hides: GET /a/b/* | GET|POST /* | POST', 'hides: GET /a/b/c/:d | GET|POST /* | POST']],
  ['HEAD alone is hidden by what has neither', ['HEAD|POST /a/*', 'POST /a/b'], ['hides: POST /a/b | HEAD|POST /a/* | HEAD']],
  ['GET is hidden with its HEAD', ['GET|POST /a/*', 'POST /a/b'], ['hides: POST /a/b | GET|POST /a/* | GET HEAD']],
  ['a key hides one of a parameter and one of *', ['PUT /:x', 'POST /*', 'GET /K(:x)'], ['hides: PUT /:x | POST /* | POST', 'hides: GET /K(:x) | PUT /:x | PUT', 'hides: GET /K(:x) | POST /* | POST']],
  ['a literal and a longer head hide one of a key', ['POST /K(:x)', 'GET /K(1)', 'GET /K(y=:x)'], ['hides: GET /K(1) | POST /K(:x) | POST', 'hides: GET /K(y=:x) | POST /K(:x) | POST']],
  ['HEAD comes with GET', ['HEAD /a/*', 'GET /a/b'], []]
] as const) t.test(`hidden: ${promise}`, async t => { t.same(conflictsOf(...rules), conflicts) })

t.test('the methods of a rule are those that it names, and HEAD with GET', async t => {
  t.same(methodsOf(parseMatch('GET /a')), ['GET', 'HEAD'])
  t.same(methodsOf(parseMatch('HEAD|GET /a')), ['HEAD', 'GET'])
  t.same(methodsOf(parseMatch('POST /a')), ['POST'])
})

t.test('no more is said than somebody could read', async t => {
  const conflicts = conflictsOf('POST /*', ...Array.from({ length: 1200 }, (_, at) => `GET /a${at}`))
  t.equal(conflicts.length, 1000)
  t.equal(conflicts.at(-1), 'hides: GET /a999 | POST /* | POST')
})
