// Http11Probe (MDA2AV/Http11Probe, MIT): requests that are malformed, ambiguous or merely unusual, and what a server
// should make of them. Each is sent twice: to an open rule as it stands, so that whatever is smuggled would pass, and
// to one that wants a token, with a valid one in its first head.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startGatehouse, type Gatehouse } from '../gateway/gatehouse.ts'
import type { RawResult } from '../support/raw-http.ts'
import { tally } from './gauntlet.ts'
import { needsVectors, vectorsFolder } from './vectors.ts'

interface Vector {
  readonly id: string
  /** in prose: which statuses, whether a close will do */
  readonly expected: string
  readonly raw: readonly string[]
  readonly sendable: boolean
}

/** Where the gateway answers otherwise than the vector wants, and why. */
const DIFFERS: Readonly<Record<string, { readonly status: number, readonly because: string }>> = {
  'COMP-OPTIONS-STAR': { status: 400, because: 'only targets that begin with a slash are served' },
  'COMP-HTTP12-VERSION': { status: 400, because: 'only HTTP/1.0 and 1.1 are served' },
  'COMP-405-ALLOW': { status: 200, because: 'the rule here allows every method; 405 has its tests elsewhere' },
  'COMP-NO-CL-IN-204': { status: 200, because: 'the ERP here answers OPTIONS with 200 and a body' },
  'COMP-EXPECT-UNKNOWN': { status: 200, because: 'RFC 9110 section 10.1.1 lets an expectation that is not known be ignored' }
}

// Requests that never end are given up soon.
const SOON = { timeout: '1s', idle_timeout: '1s' }
const OPEN = { match: 'ANY /', require: 'public', ...SOON }
const routesOf = (rule: typeof OPEN) => [rule, ...['/echo', '/cookie'].map(path => ({ ...rule, match: `ANY ${path}` }))]
const AT_ONCE = 6

t.test('Http11Probe: every answer is one that is expected, and the ERP sees no more than was answered', needsVectors('http11probe'), async t => {
  const folder = vectorsFolder('http11probe') ?? ''
  // One JSON object in each line, as the vectors' own description says.
  const vectors = readFileSync(join(folder, 'http11probe.jsonl'), 'utf8').trim().split('\n').map(line => JSON.parse(line) as Vector).filter(({ sendable }) => sendable)
  t.ok(vectors.length > 180, `${vectors.length} vectors`)
  const failed = new Set<string>()
  for (const rule of [OPEN, { ...OPEN, require: 'user' }]) {
    // A gateway and an ERP for each of those under way at once: what an ERP saw is of one vector.
    const houses = await Promise.all(Array.from({ length: AT_ONCE }, async () => await startGatehouse(t, { routes: routesOf(rule), changes: { listen: { header_timeout: '1s' } } })))
    const left = [...vectors]
    await Promise.all(houses.map(async house => {
      for (let vector = left.pop(); vector !== undefined; vector = left.pop()) {
        const problems = await send(house, vector, rule.require === 'user')
        if (problems.length > 0) failed.add(vector.id)
        t.same(problems, [], `${vector.id} (${vector.expected}), ${rule.require}`)
      }
      t.equal((await house.gateway.raw('GET / HTTP/1.1\r\nHost: gateway.test\r\nAuthorization: Bearer ' + house.idp.mint() + '\r\n\r\n')).response.status, 200, 'it lives')
      t.equal(house.erp.malformed, 0)
    }))
  }
  t.comment(`Http11Probe: ${vectors.length - failed.size} of ${vectors.length} held, each twice`)
  tally('http11probe', { of: vectors.length, held: vectors.length - failed.size })
  assertReadsProse(t)
})

/** What was wrong with what came of it. */
async function send ({ idp, erp, gateway }: Gatehouse, { id, expected, raw }: Vector, withToken: boolean): Promise<string[]> {
  erp.requests.length = 0
  const [first = '', ...rest] = raw
  const pieces = [withToken ? withCredential(first, idp.mint()) : first, ...rest.flatMap(piece => [30, piece])]
  const methods = [...raw.join('').matchAll(/(GET|HEAD|POST|PUT|OPTIONS|DELETE|TRACE) \S+ HTTP\/1\.\d/g)].map(([, method = '']) => method)
  const result = await gateway.raw(pieces, { methods, responses: Math.max(1, methods.length), idle: 60, timeout: 5000 })
  await Promise.all(erp.requests.map(({ closed }) => closed))
  const allowed = result.responses.filter(({ status }) => status === 200).length
  const whole = erp.requests.filter(({ aborted }) => !aborted).length
  const wanted = DIFFERS[id]
  return [
    ...(wanted === undefined ? isExpected(expected, result) : result.response.status === wanted.status) ? [] : [`${result.response.status} and ${result.ending}, not ${wanted?.status ?? expected}`],
    ...erp.requests.length > result.responses.length ? [`the ERP saw ${erp.requests.length} requests, the caller ${result.responses.length} answers`] : [],
    ...whole > allowed ? [`the ERP served ${whole} requests, the caller was given ${allowed} answers`] : [],
    ...result.responses.filter(({ status, complete }) => status >= 500 || status === 101 || !complete).map(({ status }) => `a broken answer, or ${status}`),
    ...result.rest.length > 0 ? ['more bytes than answers'] : []
  ]
}

function withCredential (request: string, token: string): string {
  // In front of the Host, or behind the first line; what has neither stands as it is.
  const at = (/\r\n(?=Host:)/i.exec(request) ?? /(?<= HTTP\/1\.\d)\r\n/.exec(request))?.index
  return at === undefined ? request : `${request.slice(0, at)}\r\nAuthorization: Bearer ${token}${request.slice(at)}`
}

/** Reads the prose: the statuses that it names (those it would only warn of, too), a close, silence, and what must not be. */
function isExpected (expected: string, { response: { status }, ending }: Pick<RawResult, 'response' | 'ending'>): boolean {
  const isClosed = status === 0 && ending !== 'open'
  if (/non-`?1|Not `101`/i.test(expected)) return status >= 200 && status < 500
  // Requests framed as they should be, one after the other: that there are as many answers is looked at for all.
  if (/poisoned follow-up = warn/.test(expected)) return status === 200 || status === 400
  if (/^Any|^Sensitive/i.test(expected)) return status < 500
  if (/^Reject\/drop/.test(expected)) return isClosed || (status >= 400 && status < 500)
  const named = [...expected.matchAll(/\b([1-5]\d\d|2xx)\b/g)].map(([, one = '']) => one)
  // A body or a head that never ends is silence at some, 408 here.
  if (/timeout/.test(expected) && (status === 0 || status === 408)) return true
  if (/close/.test(expected) && isClosed) return true
  // Where a 400 is asked for, the more exact refusals are it, too.
  if (named.includes('400') && [400, 405, 408, 413, 414, 431].includes(status)) return true
  return named.includes(String(status)) || (named.includes('2xx') && status >= 200 && status < 300)
}

function assertReadsProse (t: Test): void {
  const answer = (status: number, ending: RawResult['ending'] = 'open') => ({ response: { status }, ending }) as RawResult
  for (const [expected, good, bad] of [['`400` or close', answer(400), answer(200)], ['`2xx`', answer(204), answer(400)], ['`400` or close', answer(0, 'closed'), answer(0)], ['`400`, close, or timeout', answer(0), answer(200)], ['any non-`101` response', answer(200), answer(101)], ['`400`', answer(400), answer(502)]] as const) {
    t.equal(isExpected(expected, good), true)
    t.equal(isExpected(expected, bad), false)
  }
}
