import type { Test } from 'tap'
import { load } from '../config/files.ts'
import { get, request, type Wanted } from '../gateway/gatehouse.ts'
import { answering, startErp } from '../support/erp.ts'
import { runSection, startAttacked } from './gauntlet.ts'
import { AMBIGUOUS, guardsOf, MALFORMED, NO_SCOPE, NOT_FOUND, startPathScene, whatIsWrong } from './path-scene.ts'
import { sendAll } from './pipeline.ts'
import { path } from './rows/e-path.ts'
import { oddTargets, traversals } from './traversals.ts'

const NO_METHOD = (allow: string): Wanted => ({ status: 405, code: 'method-not-allowed', headers: { allow } })
const UPGRADE: Wanted = { status: 400, code: 'upgrade-unsupported' }

/** All of these are 400, and nothing of them reaches the ERP, in either letter case of their escapes. */
function areAmbiguous (...targets: readonly string[]): (t: Test) => Promise<void> {
  return async t => {
    const scene = await startPathScene(t)
    const spelled = targets.flatMap(target => [target, target.replace(/%[0-9a-f]{2}/g, escape => escape.toUpperCase())])
    await scene.refusesAll(t, [...new Set(spelled)], AMBIGUOUS)
  }
}

async function isRefusedAtLoad (t: Test, ...matches: readonly string[]): Promise<void> {
  for (const match of matches) {
    const { configuration, places } = await load({ routes: `routes:\n  - match: '${match}'\n    require: user\n` })
    t.equal(configuration, undefined, match)
    t.match(places, ['routes.yaml:2:12 routes[0].match'], match)
  }
}

runSection(path, {
  E01: areAmbiguous('/api/./v1/admin/u', '/api/v1/./admin/u', '/./api/v1/admin/u', '/api/v1/admin/./u', '/api/v1/admin/u/.', '/api/v1/admin/.', '/api/.', '/.', '/api/v1/./admin/u?x=1', '/api/././v1/admin/u'),
  E02: areAmbiguous('/api/v1/%2e/admin/u', '/api/%2e/v1/admin/u', '/api/v1/admin/%2e', '/%2e/api/v1/admin/u', '/api/v1/%2e%2fadmin/u', '/api/v1/admin%2e/u', '/api/v1/x%2ejson'),
  E03: areAmbiguous('/api/../x', '/api/%2e%2e/x', '/api/.%2e/x', '/api/%2e./x', '/api/x/../../y', '/api/v1/x/../admin/u', '/api/v1/x/%2e%2e/admin/u', '/api/v1/x/..', '/..', '/../api/v1/admin/u', '/api/..?x', '/api/orders/1/../2', '/api/../api/v1/admin/u'),

  E04: async t => {
    const { authorization, refuses } = await startPathScene(t)
    const upgrade = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==']
    const climbs = ['../v1/admin/u', './v1/admin/u', '..%2fv1/admin/u', '%2e%2e/v1/admin/u', '%2e%2e%2fv1/admin/u', '..%5cv1/admin/u', '%5c..%5cv1', '\\..\\v1', '..\\v1/admin/u', '.%2e/v1', '%2e./v1', '..;/v1', '%2e%2e;/v1', '..%3b/v1', '%252e%252e/v1', '..%252fv1', '//v1/admin/u', '..//v1', '.%00./v1', '..', '%2e%2e', '..\\..\\v1']
    for (const climb of climbs) {
      await refuses(t, get(`/api/pub/${climb}`, authorization), AMBIGUOUS)
      const head = ['GET /api/pub/' + climb + ' HTTP/1.1', 'Host: gateway.test', authorization, ...upgrade, '', ''].join('\r\n')
      await refuses(t, head, UPGRADE)
    }
    // Nor is there an upgrade for a path with one reading.
    await refuses(t, ['GET /api/pub HTTP/1.1', 'Host: gateway.test', authorization, ...upgrade, '', ''].join('\r\n'), UPGRADE)
  },

  E06: areAmbiguous('/api/v1\\admin/u', '/api/v1/\\admin/u', '/api/v1/admin\\u', '/api/v1/.\\admin', '/api\\v1\\admin\\u', '/\\api/v1/admin/u', '/api/v1/x/..\\admin/u', '/api/\\..\\v1/admin/u', '/api/v1/admin/u\\', '/\\api', '/api/x\\?q'),
  E07: areAmbiguous('/api/v1%2fadmin/u', '/api/v1%5cadmin/u', '/api/v1/admin%2fu', '/api/v1/admin%5cu', '/api%2fv1%2fadmin%2fu', '/%2fapi/v1/admin/u', '/api/v1/admin/u%2f', '/api/%5c%5cv1/admin/u', '/api/v1/x%2f..%2fadmin%2fu'),
  E08: areAmbiguous('/api/%252e%252e/%252e%252e/x', '/api/v1%252fadmin/u', '/api/%25252e%25252e/x', '/api/v1%25252fadmin/u', '/api/v1/%2561dmin/u', '/api/%25', '/api/v1%255cadmin/u', '/api/100%25', '/api/v1/%25%36%31dmin/u', '/api/%2525'),
  E09: areAmbiguous('/api/v1/admin;/u', '/api/v1/admin;x=1/u', '/api;x/v1/admin', '/api/..;/x', '/api/.;/v1/admin', '/api/v1/;/admin/u', '/api/v1/admin/u;', '/;/api/v1/admin/u', '/api/v1/admin%3b/u', '/api/v1/admin%3bx=1/u', '/api/v1/x;/../admin/u', '/api/v1/admin;jsessionid=1/u?a'),
  E10: areAmbiguous('//api/x', '/api//v1/admin/u', '/api/v1//admin/u', '/api/v1/admin//u', '///', '//', '/api/v1/admin/u//', '////api/v1/admin/u', '/api///v1/admin/u', '/api//'),

  E11: async t => {
    const scene = await startPathScene(t)
    await scene.refusesAll(t, ['/api/v1/%61dmin/u', '/api/v1/admi%6e/u', '/api/%76%31/admin/u', '/api/v1/%61%64%6d%69%6e/u', '/api/v1/%41dmin/u', '/api/v1/Admin/u', '/api/v1/ADMIN/u', '/api/V1/admin/u', '/api/%6frders/1'], AMBIGUOUS)
    // The narrow rule is met whatever stands at its parameter.
    await scene.refusesAll(t, ['/api/v1/admin/%75', '/api/v1/admin/%C3%A9', '/api/orders/%31'], NO_SCOPE)
    // Not even the broad one is.
    await scene.refusesAll(t, ['/ap%69/v1/admin/u', '/%61pi/v1/admin/u', '/API/v1/admin/u'], NOT_FOUND)
  },

  E13: async t => {
    const scene = await startPathScene(t)
    const edges = ['%20', '%09', '%0b', '%0c', '%00', '%0a', '%0d', '%1f', '%7f', '%c2%85', '%c2%a0', '%c2%ad', '%e1%9a%80', '%e2%80%83', '%e2%80%8b', '%e2%80%8d', '%e2%80%ae', '%e2%81%a0', '%e3%80%80', '%ef%bb%bf', '%ef%b8%8f', '%f0%9d%85%b3', '%f3%a0%80%a0']
    for (const edge of edges) await scene.refusesAll(t, [`/api/v1/admin${edge}/u`, `/api/v1/${edge}admin/u`, `/api${edge}/v1/admin/u`, `/api/v1/admin/u${edge}`], AMBIGUOUS)
    await scene.refusesAll(t, ['/api/v1/admin./u', '/api/v1/admin.../u', '/api/v1./admin/u', '/api/v1./admin./u', '/api/v1/Admin./u', '/api/v1/admin%20./u'], AMBIGUOUS)
    await scene.refusesAll(t, ['/api./v1/admin/u', '/api.../v1/admin/u'], NOT_FOUND)
    for (const target of ['/api/a%20b', '/api/v1/x.y/z', '/api/v1/other./u', '/api/.well']) t.equal((await scene.lets(t, get(target, scene.authorization))).url, target)
  },

  E14: async t => {
    await areAmbiguous('/api/v1/admin%0a/u', '/api/v1/admin%0d/u', '/api/v1/%0aadmin/u', '/api/v1/ad%0amin/u', '/api/v1/admin/u%0a', '/api/v1/admin/%0d%0a', '/api/orders/1%0a', '/api/v1%0a/admin/u', '/api/v1/admin%e2%80%a8/u', '/api/v1/admin%e2%80%a9/u', '/api/v1/admin%c2%85/u')(t)
    await isRefusedAtLoad(t, 'GET admin/**', 'GET admin/*', 'GET /admin/**', 'GET **', 'GET *', 'GET /a/*/b', 'GET /a*', 'GET admin', 'ANY ./admin', 'GET /admin/.*')
  },

  E15: async t => {
    await areAmbiguous('/api/x#/../v1/admin', '/api/v1/admin#x', '/api/x%23', '/api/v1/admin/u#', '/#/api/v1/admin/u', '/api/x?a#b', '/api/x?#/../v1/admin/u', '/api#/v1/admin/u', '/api/x%23/../v1')(t)
  },

  E17: async t => {
    const canary = await startErp(t)
    const { refusesAll, refuses, authorization } = await startPathScene(t)
    const own = `127.0.0.1:${canary.port}`
    await refusesAll(t, [`http://${own}/api/x`, `https://${own}/api/x`, `HTTP://${own}/`, 'http://gateway.test/api/x', `http://gateway.test@${own}/api/x`, 'foo://bar/api/x', 'ws://gateway.test/api/x', '*'], AMBIGUOUS)
    await refusesAll(t, ['foo:bar', 'evil:80', own, 'api/x', '?x', '#x', '.', '../api/x', 'http:api/x', 'http:/api/x'], MALFORMED)
    for (const method of ['OPTIONS', 'POST', 'HEAD']) await refuses(t, request(method, '*', authorization), AMBIGUOUS)
    await refuses(t, request('CONNECT', own, authorization), { ...AMBIGUOUS, headers: { connection: 'close' } })
    t.equal(canary.accepted, 0, 'the host that the caller named saw no connection')
  },

  E18: async t => {
    const canary = await startErp(t)
    const { refusesAll, lets, authorization } = await startPathScene(t)
    const own = `127.0.0.1:${canary.port}`
    await refusesAll(t, [`//${own}/x`, `/\\\\${own}/x`, `/\\${own}/x`, `/api//${own}/x`, `/api/http://${own}/`, `///${own}`, `/api/\\\\${own}`, `/api/..//${own}/`, `/%2f${own}/x`, `/%5c%5c${own}/`, `/;//${own}`, `//@${own}/api/x`, `/api#@${own}/`], AMBIGUOUS)
    await refusesAll(t, [`/http:${own}`, `/@${own}/api/x`, `/:${canary.port}/api`, `/${own}/x`], NOT_FOUND)
    // What has one reading goes to the one upstream there is.
    for (const target of [`/api/${own}/x`, `/api/@${own}`, `/api/http:${own}`, `/api/x?next=//${own}/`, `/api/x?@${own}`, `/api/:@${own}/`]) t.equal((await lets(t, get(target, authorization))).url, target)
    t.equal(canary.accepted, 0, 'the host in the path saw no connection')
  },

  E20: async t => {
    const { refusesAll } = await startPathScene(t)
    await refusesAll(t, ['/apix/y', '/api../erp', '/api.', '/apiadmin', '/api', '/api-v1/admin', '/api~/x', '/api:x', '/ap', '/apiapi/x', '/api%C3%A9/x', '/api*', '/xapi/y', '/api..', '/api.../x'], NOT_FOUND)
    await refusesAll(t, ['/api/../erp', '/api..;/erp', '/api%2e%2e/erp', '/api%2f../erp'], AMBIGUOUS)
  },

  E21: async t => {
    const { refusesAll, lets, administrator } = await startPathScene(t)
    const ids = [99, 100, 101, 500, 8000, 16_000].map(length => '7'.repeat(length))
    await refusesAll(t, ids.map(id => `/api/orders/${id}`), NO_SCOPE)
    await refusesAll(t, ids.map(id => `/api/v1/admin/${id}`), NO_SCOPE)
    // Longer ones are more than the head that the ERP of the tests takes.
    for (const id of ids.slice(0, -1)) t.equal((await lets(t, get(`/api/orders/${id}`, administrator))).url, `/api/orders/${id}`)
    await refusesAll(t, [17_000, 30_000, 40_000].map(length => `/api/orders/${'7'.repeat(length)}`), { status: 414, code: 'target-too-long' })
  },

  E22: async t => {
    const { refuses, lets, administrator, authorization } = await startPathScene(t)
    for (const who of [authorization, administrator]) {
      for (const method of ['DELETE', 'PATCH', 'OPTIONS', 'PUT', 'TRACE', 'PROPFIND']) {
        await refuses(t, request(method, '/api/v1/admin/u', who), NO_METHOD('GET, HEAD, POST'))
        await refuses(t, request(method, '/api/orders/1', who), NO_METHOD('GET, HEAD'))
      }
      await refuses(t, request('POST', '/api/orders/1', who, 'Content-Length: 0'), NO_METHOD('GET, HEAD'))
    }
    // A HEAD is a GET without its body: the narrow rule again.
    await refuses(t, request('HEAD', '/api/v1/admin/u', authorization), NO_SCOPE)
    t.equal((await lets(t, request('DELETE', '/api/v1/admin/u/v', authorization))).method, 'DELETE', 'the broad rule has every method where no other path is narrower')
  },

  E23: async t => {
    const { refusesAll, lets, authorization } = await startPathScene(t)
    await refusesAll(t, ['/api/orders/1', '/api/v1/admin/u', '/api/orders/1?x=/'], NO_SCOPE)
    await refusesAll(t, ['/api/orders/1/', '/api/v1/admin/u/', '/api/orders/1/?x', '/api/orders/%31/', '/api/Orders/1/', '/api/v1/admin./u/'], AMBIGUOUS)
    await refusesAll(t, ['/api'], NOT_FOUND)
    t.equal((await lets(t, get('/api/v1/', authorization))).url, '/api/v1/')
  },

  E24: async t => {
    await isRefusedAtLoad(t, 'GET /api/num/:id(^\\d+$)', 'GET /api/num/:id(\\d+)', 'GET /api/num/(:id)', 'GET /api/num/:id?', 'GET /api/num/:id.json', 'GET /api/num/:id+')
    const house = await startAttacked(t, {
      routes: [
        { match: 'ANY /api/*', require: 'user' },
        { match: 'GET /api/num/:id', require: { user: { where: 'request.params.id in ["1", "2"]' } } }
      ]
    })
    const authorization = `Authorization: Bearer ${house.idp.mint()}`
    t.equal((await house.lets(t, get('/api/num/1', authorization))).url, '/api/num/1')
    t.equal((await house.lets(t, get('/api/num/%31', authorization))).url, '/api/num/%31', 'decoded once')
    for (const id of ['1a', '3', '1%201', '%C3%A9', '1.', '%2B1', '01', '1e0']) await house.refuses(t, get(`/api/num/${id}`, authorization), { status: 403, code: 'where-not-met', challenge: { error: 'insufficient_scope' } })
    for (const id of ['1%20', '1%0a', '1%00', '1;a', '1/', '%2531']) await house.refuses(t, get(`/api/num/${id}`, authorization), AMBIGUOUS)
  },

  E25: async t => {
    await isRefusedAtLoad(t, 'GET /:a-:b-', 'GET /:a-:b', 'GET /:a:b', 'GET /:a.:b', 'GET /:a(:b)')
    const { refusesAll } = await startPathScene(t)
    await refusesAll(t, [`/api/${'-'.repeat(20_000)}`], { status: 414, code: 'target-too-long' })
    // A tree with as many ways as rules can make, and the longest paths there are.
    const ways = Array.from({ length: 60 }, (_one, depth) => Array.from({ length: depth }, (_two, level) => level % 2 === 0 ? '/a' : `/:p${level}`).join(''))
    const guard = guardsOf(['/*', ...ways.flatMap(way => [`${way}/end`, `/:other${way}/*`])].map(way => ({ match: `GET ${way}` })))
    const started = performance.now()
    for (const part of ['-', 'a/', 'A/', '.', '%61', '%C3%A9', 'a./', '%E1%BA%9E']) guard('GET', `/${part.repeat(Math.floor(16_000 / part.length))}`)
    t.ok(performance.now() - started < 5000, 'the longest paths are matched soon')
  },

  E26: async t => {
    const scene = await startPathScene(t)
    const escapes = ['%zz', '%', '%2', '%c0%ae%c0%ae', '%c0%af', '%ff', '%uff0e', '%u002e', '%e0%80%ae', '%f0%80%80%ae', '%c1%9c', '%ed%a0%80', '%f5%80%80%80', '%e2%80', '%80', '%-1', '% 1'.replace(' ', '+'), '%%32%65']
    await scene.refusesAll(t, escapes.flatMap(escape => [`/api/v1/${escape}/admin/u`, `/api/v1/admin${escape}/u`, `/api/${escape}`]), AMBIGUOUS)
    const bytes = [0x80, 0x85, 0xa0, 0xad, 0xc0, 0xe9, 0xff, 0x01, 0x09, 0x0b, 0x7f].map(code => String.fromCharCode(code))
    await scene.refusesAll(t, bytes.flatMap(byte => [`/api/v1/admin${byte}/u`, `/api/${byte}`]), MALFORMED)
  },

  E27: async t => {
    const scene = await startPathScene(t)
    const { lets, authorization, refusesAll } = scene
    await refusesAll(t, ['/api/x%0d%0aX-Inj:1', '/api/x%0aX-Inj:1', '/api/x%0d', '/api/%0d%0a%0d%0aGET%20/api/v1/admin/u', '/api/x%e2%80%a8X-Inj:1', '/api/x%250d%250a'], AMBIGUOUS)
    await refusesAll(t, ['/api/x\rX-Inj:1', '/api/x\nX-Inj:1', '/api/x\r\nX-Inj:1', '/api/x?a=\n', '/api/x?a=\rb', '/api/x HTTP/1.1\nX-Inj:1', '/api/x\0', '/api/x\u010a'], MALFORMED)
    const plain = await lets(t, get('/api/x', authorization))
    for (const query of ['?a=%0a', '?a=%0d%0aX-Inj:1', '?%0d%0a%0d%0aGET%20/api/v1/admin/u%20HTTP/1.1', '?a=%00', '?a=%c4%8a', '?a=%E5%98%8A%E5%98%8DX-Inj:1']) {
      const seen = await lets(t, get(`/api/x${query}`, authorization))
      t.equal(seen.url, `/api/x${query}`)
      t.same(seen.rawHeaders.filter((_part, at) => at % 2 === 0), plain.rawHeaders.filter((_part, at) => at % 2 === 0), 'the same headers as without it')
    }
  },

  E28: async t => {
    const { idp, erp, lets, refuses } = await startPathScene(t)
    const token = `Authorization: Bearer ${idp.mint()}`
    const head = (target: string, host: string) => [`GET ${target} HTTP/1.1`, `Host: ${host}`, token, 'Connection: close', '', ''].join('\r\n')
    for (const host of ['api.example', 'API.EXAMPLE', 'api.example.', 'api.example:443', 'api.example:80', 'Api.Example.:8443', `127.0.0.1:${erp.port}`, 'localhost', '[::1]', 'admin']) {
      await refuses(t, head('/api/v1/admin/u', host), NO_SCOPE)
      const seen = await lets(t, head('/api/v1/other/u', host))
      t.equal(seen.headers.host, new URL(erp.origin).host, 'the Host of the upstream')
    }
  },

  E29: async t => {
    const scene = await startPathScene(t)
    const rules = ['ANY /api/*', 'GET|POST /api/v1/admin/:name', 'GET /api/orders/:id']
    const guard = guardsOf(rules.map(match => ({ match })))
    const patterns = rules.map(rule => rule.split(' ')[1] ?? '')
    const lists = { traversals: [...traversals()].flatMap(payload => [`/api/${payload}`, `/api/v1/x/${payload}`]), oddities: [...oddTargets()] }
    for (const [name, targets] of Object.entries(lists)) {
      const passed: string[] = []
      for (const target of targets) {
        const guarded = guard('GET', target)
        if ('refused' in guarded) continue
        passed.push(target)
        const wrong = whatIsWrong(patterns, guarded)
        if (wrong !== undefined || guarded.upstream !== target) t.fail(`${target}: ${wrong ?? guarded.upstream}`)
      }
      t.ok(passed.length > 0 && passed.length < targets.length, `${passed.length} of ${targets.length} ${name} have one reading`)
      // Every so many of them, and some of those that have one reading, past the parser and all.
      const sample = [...every(targets, 1000), ...every(passed, 500)]
      scene.erp.answerWith(answering(200, ''))
      const before = scene.erp.requests.length
      const answers = await sendAll(scene.gateway, sample.map(target => ({ method: 'GET', target, headers: [scene.authorization] })))
      const passing = sample.filter((_target, at) => answers[at] === 200)
      t.same(scene.erp.requests.slice(before).map(({ url }) => url).sort(), [...passing].sort(), `the ERP saw the ${passing.length} that were let through, as sent`)
      t.same(answers.filter(status => ![200, 400, 403, 404].includes(status)), [], 'every other answer is a refusal')
      const met = passing.map(target => guard('GET', target)).map(guarded => 'refused' in guarded ? guarded.refused : guarded.met)
      t.same(met.filter(one => one !== '/api/*'), [], 'all of them are for the broad rule')
    }
  }
})

function every (all: readonly string[], count: number): string[] {
  const step = Math.max(1, Math.floor(all.length / count))
  return all.filter((_one, at) => at % step === 0)
}
