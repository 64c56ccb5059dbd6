import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { PROBLEMS } from '../../src/policy/problems.ts'
import { answering } from '../support/erp.ts'
import { projectRoot } from '../support/files.ts'
import { get, startGatehouse } from './gatehouse.ts'

const routes = [{ match: 'ANY /*', require: 'public', credential: 'none' }, { match: 'GET /user', require: 'user', timeout: '300ms' }]

t.test('every answer carries X-Request-Id, the caller\'s own where it is fit to be one', async t => {
  const { erp, lets, gateway } = await startGatehouse(t, { routes })
  for (const id of ['a', 'A-b_c.9', 'x'.repeat(64), '0']) {
    const { headers } = await lets(t, get('/a', `X-Request-Id: ${id}`))
    t.equal(headers['x-request-id'], id)
    t.equal((await gateway.call({ path: '/a', headers: { 'x-request-id': id } })).headers['x-request-id'], id)
    t.equal((await gateway.call({ path: '/user', headers: { 'x-request-id': id } })).headers['x-request-id'], id)
    t.equal((await gateway.raw(get('/../a', `X-Request-Id: ${id}`))).response.headers['x-request-id'], id)
  }
  const seen = new Set<string | undefined>()
  for (const line of ['X-Request-Id: ', 'X-Request-Id: a b', 'X-Request-Id: a,b', 'X-Request-Id: ../a', `X-Request-Id: ${'x'.repeat(65)}`, 'X-Request-Id: \u00e9', 'X-Request-Id: a\r\nX-Request-Id: b', 'X-Other: x', 'X-Request-Id: {"a":1}']) {
    const { response } = await gateway.raw(get('/a', line))
    const last = erp.requests.at(-1)?.headers['x-request-id']
    t.equal(response.headers['x-request-id'], last, 'the same for the caller and the ERP')
    t.match(last, /^[0-9a-f-]{36}$/)
    seen.add(String(last))
  }
  t.equal(seen.size, 9, 'a new one each time')
})

t.test('an answer of the ERP carries it too, in place of the ERP\'s own', async t => {
  const { erp, gateway } = await startGatehouse(t, { routes })
  for (const status of [200, 201, 204, 301, 304, 400, 403, 404, 409, 418, 422, 500, 503]) {
    erp.answerWith(answering(status, '', { 'x-request-id': 'from-the-erp' }))
    for (const method of ['GET', 'HEAD', 'POST']) {
      const { response } = await gateway.raw(`${method} /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Request-Id: mine\r\nContent-Length: 0\r\n\r\n`)
      t.match(response, { status, headers: { 'x-request-id': 'mine' } })
    }
  }
})

t.test('who is at fault is told by the status, and never by a 401', async t => {
  const { idp, erp, gateway } = await startGatehouse(t, { routes })
  const ask = async () => {
    const { status, code, headers } = await gateway.call({ path: '/user', token: idp.mint() })
    t.match(headers['x-request-id'], /./)
    t.equal(headers['content-type'], 'application/problem+json')
    t.notOk('www-authenticate' in headers)
    return [status, code]
  }
  erp.answerWith(answering(401, '', { 'www-authenticate': 'Bearer realm="erp"' }))
  t.same(await ask(), [502, 'upstream-credential-refused'])
  erp.answerWith(() => {})
  t.same(await ask(), [504, 'upstream-timeout'])
  erp.answerWith((_req, res) => { res.destroy() })
  t.same(await ask(), [502, 'upstream-reset'])
  await erp.stop()
  t.same(await ask(), [502, 'upstream-refused'])
})

t.test('without a machine token it is a 503', async t => {
  const { idp, erp, refuses } = await startGatehouse(t, { routes, changes: { upstreams: { erp: { credential: { client_credentials: { client_id: 'nobody' } } } } } })
  const answer = await refuses(t, { path: '/user', token: idp.mint() }, { status: 503, code: 'machine-token-unavailable', granted: true, headers: { 'retry-after': /^([1-9]|10)$/ } })
  t.notOk('www-authenticate' in answer.headers)
  t.equal(erp.requests.length, 0)
})

t.test('one word for one cause: in the type, the log, the metric, and the page that explains it', async t => {
  const { idp, gateway } = await startGatehouse(t, { routes })
  const { problem, code, headers } = await gateway.call({ path: '/user', token: idp.mintIdToken() })
  t.equal(code, 'id-token')
  t.match(gateway.logLines().find(line => line['decision'] === problem?.decision), { code, request: headers['x-request-id'], rule: 'GET /user', at: /routes\.yaml:\d+$/, granted: false, status: 401 })
  t.match((await gateway.admin('/metrics')).text, /countersign_requests_total\{[^}]*code="id-token"[^}]*\} 1\n/)
  const page = await readFile(join(projectRoot, 'docs/problems.md'), 'utf8')
  for (const word of Object.keys(PROBLEMS)) t.match(page, new RegExp(`^#+ ${word}$`, 'm'), word)
})

t.test('type begins with problems_base, also for what is no HTTP', async t => {
  const { gateway } = await startGatehouse(t, { routes, changes: { problems_base: 'https://docs.example.com/problems#' } })
  t.equal((await gateway.call({ path: '/user' })).problem?.type, 'https://docs.example.com/problems#credential-missing')
  const { response } = await gateway.raw('nonsense\r\n\r\n')
  t.match(JSON.parse(response.body.toString()), { type: 'https://docs.example.com/problems#request-malformed' })
})
