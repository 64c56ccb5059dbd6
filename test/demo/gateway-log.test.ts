import t from 'tap'
import { decisionLine } from '../../src/demo/gateway-log.ts'

const plain = (text: string) => text
const paint = { bold: plain, dim: plain, good: plain, bad: plain, link: plain }
const rule = { rule: 'POST /addresses', at: 'routes.yaml:5' }

t.test("a decision is one line: answer, code, rule, caller, the rule's place", async (t) => {
  t.equal(decisionLine({ status: 201, granted: true, ...rule, method: 'POST', principal: 'user', subject: 'ada', client: 'saas-web' }, paint),
    '✓ 201  POST /addresses  ada via saas-web  routes.yaml:5')
  t.equal(decisionLine({ status: 403, granted: false, code: 'scope-missing', ...rule, principal: 'client', subject: 'job', client: 'job' }, paint),
    '✕ 403  scope-missing  POST /addresses  job  routes.yaml:5')
  t.equal(decisionLine({ status: 404, granted: false, code: 'route-not-found', method: 'GET' }, paint), '✕ 404  route-not-found  GET')
})

t.test('what is not about a request is not shown', async (t) => {
  t.equal(decisionLine({ msg: 'listening', data: 'http://127.0.0.1:1' }, paint), undefined)
})
