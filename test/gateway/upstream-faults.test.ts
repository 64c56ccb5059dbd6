import t from 'tap'
import type { Called } from '../support/raw-http.ts'
import { rawAnswers, sends, sendsThenCloses, sendsThenResets, type RawHandler } from '../support/raw-erp.ts'
import { rawScene, scene, until } from './upstream-scene.ts'

type Assertions = Pick<typeof t, 'notMatch'>

/** Nothing of a library's words, of an address or a port. */
function saysNothing (t: Assertions, answer: Called, port: number): void {
  t.notMatch(answer.text, new RegExp(`:${port}|127\\.0\\.0\\.1|undici|ECONN|ENOTFOUND|EAI_|HPE_|UND_ERR|ERR_|socket|certificate|localhost|node:`, 'i'))
}

const answers = (head: string): RawHandler => sends(`HTTP/1.1 ${head}\r\n\r\n`)

const INVALID: Readonly<Record<string, RawHandler>> = {
  garbage: sends(rawAnswers.garbage),
  'the greeting of another protocol': sends('220 mail.example.com ESMTP\r\n'),
  'garbage, and the end': sendsThenCloses(rawAnswers.garbage),
  'half a head': sendsThenCloses(rawAnswers.headOnly),
  'a head that is too large': sends(rawAnswers.hugeHeader),
  'two lengths': sends(rawAnswers.twoLengths),
  'the same length twice': answers('200 OK\r\nContent-Length: 0\r\nContent-Length: 0'),
  'a list of lengths': answers('200 OK\r\nContent-Length: 0, 0'),
  'a length that is none': answers('200 OK\r\nContent-Length: -1'),
  'a length and chunks': sends('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n'),
  'status 999': answers('999 What\r\nContent-Length: 0'),
  'status 600': answers('600 What\r\nContent-Length: 0'),
  'status 99': answers('099 What\r\nContent-Length: 0'),
  'status 000': answers('000 What\r\nContent-Length: 0'),
  'a status of four digits': answers('2000 OK\r\nContent-Length: 0'),
  'an upgrade that nobody asked for': sends(rawAnswers.switchingProtocols),
  'a bare 101': answers('101 Switching Protocols'),
  'a 100 that nobody asked for': sends(rawAnswers.continueFirst),
  'HTTP/3.0': sends('HTTP/3.0 200 OK\r\nContent-Length: 0\r\n\r\n'),
  'a header without a name': answers('200 OK\r\n: x\r\nContent-Length: 0'),
  'a control character in a header': answers('200 OK\r\nX-A: a\x01b\r\nContent-Length: 0'),
  'a folded header': answers('200 OK\r\nX-A: a\r\n b\r\nContent-Length: 0'),
  'line feeds alone': sends('HTTP/1.1 200 OK\nContent-Length: 0\n\n')
}

t.test('what is no HTTP is a 502 of its own', async t => {
  const { erp, gateway, token } = await rawScene(t, sends(rawAnswers.whole), { rule: { timeout: '2s' } })
  for (const [name, handler] of Object.entries(INVALID)) {
    erp.answerWith(handler)
    for (const method of ['GET', 'POST']) {
      const answer = await gateway.call({ method, token, ...(method === 'POST' && { body: 'abc' }) })
      t.match(answer, { status: 502, code: 'upstream-answer-invalid', complete: true }, `${name}, ${method}`)
      saysNothing(t, answer, erp.port)
    }
  }
  erp.answerWith(sends(rawAnswers.whole))
  t.match(await gateway.call({ token }), { status: 200, text: 'ok' })
})

t.test('a connection that ends before the answer is another', async t => {
  const { erp, gateway, token } = await rawScene(t, sends(rawAnswers.whole))
  for (const [name, handler] of Object.entries<RawHandler>({
    'a reset': socket => { socket.resetAndDestroy() },
    'an end': socket => { socket.end() },
    'a reset in the head': sendsThenResets('HTTP/1.1 200 OK\r\nX-A: b\r\n')
  })) {
    erp.answerWith(handler)
    for (const options of [{}, { method: 'POST', body: 'abc' }, { method: 'HEAD' }]) {
      const answer = await gateway.call({ token, ...options })
      t.match(answer, { status: 502, complete: true }, name)
      if (options.method !== 'HEAD') t.equal(answer.code, 'upstream-reset')
      saysNothing(t, answer, erp.port)
    }
  }
})

t.test('a connection that is refused is another', async t => {
  const { erp, gateway, token } = await scene(t)
  await erp.stop()
  const answer = await gateway.call({ method: 'POST', token, body: 'abc' })
  t.match(answer, { status: 502, code: 'upstream-refused', complete: true })
  saysNothing(t, answer, erp.port)
  t.match(gateway.logLines().filter(line => line['msg'] === 'request').at(-1), { code: 'upstream-refused', status: 502, granted: true, upstream: 'erp', saw: 'ECONNREFUSED' })
  await erp.start()
  t.equal((await gateway.call({ token })).status, 200)
})

t.test('a name that nobody knows is another', async t => {
  const { erp, gateway, token } = await scene(t, undefined, { changes: { upstreams: { erp: { url: 'http://erp.invalid', allow_http: true } } } })
  const answer = await gateway.call({ token })
  t.match(answer, { status: 502, code: 'upstream-unresolved' })
  t.notMatch(answer.text, /erp\.invalid|ENOTFOUND|EAI_AGAIN/)
  t.equal(erp.accepted, 0)
})

t.test('an ERP that dies takes down its own requests only', async t => {
  const { erp, gateway, token } = await scene(t, (req, res) => {
    if (req.url === '/dies') req.socket.resetAndDestroy()
    else setTimeout(() => { res.end('ok') }, 100)
  })
  const answers = await Promise.all(Array.from({ length: 40 }, async (_value, at) => await gateway.call({ token, path: at % 2 === 0 ? '/dies' : '/lives' })))
  t.same(answers.map(one => one.status), answers.map((_one, at) => at % 2 === 0 ? 502 : 200))
  await until(() => erp.openSockets <= 20)
})

t.test('an idle connection that the ERP has closed costs nobody an answer', async t => {
  const { erp, gateway, token } = await rawScene(t, socket => {
    socket.write(rawAnswers.whole)
    setTimeout(() => { socket.end() }, 30)
  })
  for (let round = 0; round < 10; round++) {
    t.match(await gateway.call({ method: 'POST', token, body: 'x' }), { status: 200, text: 'ok' })
    await until(() => erp.openSockets === 0)
  }
})

t.test('bytes that an ERP sends unasked are nobody\'s answer', async t => {
  const { gateway, token } = await rawScene(t, socket => {
    socket.write(rawAnswers.whole)
    setTimeout(() => { socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil') }, 30)
  })
  for (let round = 0; round < 5; round++) {
    t.match(await gateway.call({ token }), { status: 200, text: 'ok' })
    await new Promise(resolve => setTimeout(resolve, 60))
  }
})
