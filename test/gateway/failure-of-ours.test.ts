import t from 'tap'
import { parseProblem, startGatehouse } from './gatehouse.ts'

t.test('what fails in the gateway itself is a 500 in fixed words, and the next request is served', async t => {
  let broken = false
  const clock = (): number => {
    if (broken) throw new Error('the-inner-cause at 10.0.0.7')
    return Date.now()
  }
  const { idp, gateway, lets, refuses } = await startGatehouse(t, { routes: [{ match: 'GET /a', require: 'user' }], clock })
  const token = idp.mint()
  await lets(t, { path: '/a', token })
  const words = new Set<unknown>()
  for (const path of ['/a', '/a?again']) {
    broken = true
    const { headers, body } = await refuses(t, { path, token }, { status: 500, code: 'internal' })
    broken = false
    t.notMatch(body.toString() + JSON.stringify(headers), /inner-cause|10\.0\.0\.7|Error|\.js|\.ts/)
    words.add(parseProblem(body)['detail'])
  }
  t.equal(words.size, 1)
  t.match(gateway.logLines().find(line => line['code'] === 'internal'), { saw: /the-inner-cause/ }, 'whoever operates it is told')
  await lets(t, { path: '/a', token })
})
