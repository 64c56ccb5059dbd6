import fc from 'fast-check'
import t from 'tap'
import { answering, type SeenRequest } from '../support/erp.ts'
import { startAttacked, tally } from './gauntlet.ts'
import { generation } from './generated.ts'
import { guardsOf, whatIsWrong, type Guarded, type PathRule } from './path-scene.ts'
import { decoded } from './readings.ts'

/** Literals, keys, parameters and rests, the strict among the lax, and letters that letter case plays tricks with. */
const RULES: readonly PathRule[] = [
  { match: 'GET /' },
  { match: 'ANY /api/*' },
  { match: 'GET|POST /api/v1/admin/*' },
  { match: 'GET /api/v1/admin/u' },
  { match: 'GET /api/v1/:any/u' },
  { match: 'GET /api/orders/:id' },
  { match: 'GET /api/orders/Open' },
  { match: 'GET /api/orders/:id/lines' },
  { match: 'GET /api/caf%C3%A9/:id' },
  { match: 'GET /api/stra%C3%9Fe/u' },
  { match: 'GET /api/a%22b' },
  { match: 'GET /api/v2./x' },
  { match: 'DELETE /api/orders/:id/old' },
  { match: 'GET /:tenant/top' },
  { match: 'GET /old/:id', rewrite: '/api/v2/:id/x' },
  { match: 'GET /old/:id/*', rewrite: '/new/*' },
  { match: 'GET /swap/:one/:two', rewrite: '/:two/:one' },
  { match: 'GET /api/Kit(:id)' },
  { match: 'GET /api/Kit(x=:id)' },
  { match: 'GET /api/Kit(:id)/lines' },
  { match: "GET /api/Lot(':id')" },
  { match: "GET /api/pin('1')" },
  { match: 'GET /api/pin(:id)' },
  { match: 'POST /api/v1/$batch' },
  { match: 'GET /kits/:id', rewrite: '/Kit(:id)' },
  { match: 'GET /pins(:id)', rewrite: '/v2/pins(:id)' },
  { match: 'GET /put(:id)', rewrite: '/v2/put/:id' },
  { match: 'GET /g/:id', escapes: ['%2f', '%5c', '%25', '%3b'], matrix: true },
  { match: 'GET /g/:id/u' },
  { match: 'GET /g/kit(:id)', escapes: ['%2f', '%25'] },
  { match: 'GET /h/:id/:two', escapes: ['%25'], matrix: true },
  { match: 'GET /h/x/admin' }
]
const BASE = '/erp'
const pathOf = ({ match }: { readonly match: string }): string => match.split(' ')[1] ?? ''
const PATTERNS = RULES.map(pathOf)
/** Where no rule has a capital nor a last dot, paths are compared by a shorter way. */
const SMALL_RULES = RULES.filter(rule => !/[A-Z](?![0-9A-F])|\.(?:\/|$)/.test(pathOf(rule)))

const WORDS = ['api', 'v1', 'v2.', 'v2', 'admin', 'u', 'orders', 'Open', 'open', 'lines', 'old', 'caf%C3%A9', 'caf%c3%89', 'stra%C3%9Fe', 'strasse', 'STRA%E1%BA%9EE', 'a%22b', 'a"b', 'top', 'swap', 'x', '7', ':id', '*', 'API', '%61pi', '%61dmin', 'Admin', 'ADMIN', 'admin.', '%41dmin', 'Kit(1)', "Kit('a')", 'Kit(x=1)', "Lot('a')", 'kit(1)', "pin('1')", 'pin(2)', "pins('1')", 'put(1)', 'Kit(', 'Kit()', '$batch', '%24Batch', 'kits', 'g', 'g', 'h', 'a%2fb', 'a;v=1', 'a%2541', '%252561', "kit('a%2fb')", '7%5cu', 'admin;v', "'1'", '1)(2', "it''s"]
const SPLICES = ['/', '//', '\\', '.', '..', './', '../', '..;', ';', ';x=1', '?', '#', '%', '%2e', '%2E', '%2f', '%2F', '%5c', '%25', '%252e', '%3b', '%23', '%3f', '%00', '%0a', '%20', '%c3%a9', '%C3%89', '%c0%ae', '%ff', '%zz', '%e2%80%8b', '%EF%BC%8F', '%F0%9D%85%B3', '%E2%84%AA', '%C5%BF', '%C4%B0', '%C4%B1', '%CE%A3', '%E1%BA%9E', '@', ':', '+', '"', '<', '|', '^', '{', '`', '~', '*', '\t', '\0', ' ', '\u00e9', '\u00ff', '\u00ad', 'http://erp.test', '@evil', "'", "''", '(', ')', '()', "')", '%27', '%28', '%29', '%24', '%2527', '%2561', '%253b', '=', ',', ' ', '%20(', '(%20', '$batch']

const word = fc.constantFrom(...WORDS)
const anyPath = fc.tuple(fc.array(word, { maxLength: 5 }), fc.constantFrom('', '', '/')).map(([words, end]) => `/${words.join('/')}${end}`)
const SPELLINGS = { 'stra%C3%9Fe': ['stra%E1%BA%9Ee', 'STRASSE', 'stra%c3%9fe'], 'a%22b': ['a"b', '%61%22b', 'A%22b'], Open: ['open', 'Ope%6e', 'Open.'], admin: ['%61dmin', 'ADMIN', 'admin.'], 'caf%C3%A9': ['caf%C3%89', 'caf%c3%a9', 'cafe%CC%81'], Kit: ['kit', 'KIT', '%4bit', 'Ki%74', '%E2%84%AAit'], '(': ['%28', '%20(', '(%20'], ')': ['%29', '%20)', '))', ''], "'": ['%27', "''"], batch: ['BATCH', 'batc%68', 'batch.'], orders: ['order%73', 'Orders', 'order%C5%BF'] }
const respelled = fc.record(Object.fromEntries(Object.entries(SPELLINGS).map(([word, others]) => [word, fc.constantFrom(word, word, word, ...others)])))
  .map(words => (text: string) => Object.entries(words).reduce((now, [word, other]) => now.replace(word, () => other), text))
/** One that a rule matches, more or less. */
const ruled = fc.tuple(fc.constantFrom(...PATTERNS), fc.array(word, { minLength: 2, maxLength: 3 })).map(([pattern, [one = '', other = '', ...more]]) =>
  pattern.replace(/:\w+/, one).replace(/:\w+/, other).replace('*', more.join('/')))
/** What some server takes for a slash. */
const SLASHES = ['\\', '//', '/./', '/x/../', '/%2e/', '/%2e%2e/', ';/', ';x=1/', '%3b/', '%2f', '%2F', '%5c', '%5C', '%252f', '/;/', '/%20/', './', '%20/']
const bent = fc.tuple(ruled, fc.nat({ max: 5 }), fc.constantFrom(...SLASHES)).map(([text, at, slash]) => {
  const parts = text.split('/')
  const cut = 1 + at % parts.length
  return parts.slice(0, cut).join('/') + slash + parts.slice(cut).join('/')
})
const path = fc.oneof({ weight: 1, arbitrary: anyPath }, { weight: 1, arbitrary: bent }, { weight: 2, arbitrary: ruled }, { weight: 2, arbitrary: fc.tuple(ruled, respelled).map(([text, spell]) => spell(text)) })
/** Bytes as latin1, as the parser gives them. */
const bytes = fc.uint8Array({ maxLength: 40 }).map(some => Buffer.from(some).toString('latin1'))
const escaped = fc.string({ unit: 'binary', minLength: 1, maxLength: 8 }).map(text => [...Buffer.from(text)].map(byte => `%${byte.toString(16).padStart(2, '0')}`).join(''))
const put = fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...SPLICES) }, { weight: 1, arbitrary: bytes }, { weight: 2, arbitrary: escaped })
const edits = fc.array(fc.record({ at: fc.nat({ max: 60 }), cut: fc.nat({ max: 3 }), put, kind: fc.constantFrom('put', 'case', 'escape') }), { maxLength: 2 })

const edited = fc.tuple(path, edits).map(([text, all]) => all.reduce((now, { at, cut, put: piece, kind }) => {
  const from = at % (now.length + 1)
  const before = now.slice(0, from)
  const after = now.slice(from + 1)
  const char = now[from] ?? ''
  if (kind === 'case') return before + (char === char.toLowerCase() ? char.toUpperCase() : char.toLowerCase()) + after
  if (kind === 'escape' && /[\x21-\x7e]/.test(char)) return `${before}%${char.charCodeAt(0).toString(16)}${after}`
  return before + piece + now.slice(from + cut)
}, text))
const query = fc.oneof({ weight: 4, arbitrary: fc.constant('') }, { weight: 1, arbitrary: put.map(text => `?${text}`) })
const target = fc.oneof(
  { weight: 8, arbitrary: fc.tuple(edited, query).map(([text, rest]) => text + rest) },
  { weight: 1, arbitrary: bytes },
  { weight: 1, arbitrary: bytes.map(text => `/api/${text}`) },
  { weight: 1, arbitrary: escaped.map(text => `/api/orders/${text}`) }
)
const method = fc.constantFrom('GET', 'GET', 'GET', 'HEAD', 'POST', 'DELETE', 'OPTIONS', 'TRACE')

/** Requests at the same time on the wire. */
const AT_ONCE = 10

const REFUSALS = ['target-ambiguous', 'route-not-found', 'method-not-allowed', 'credential-in-query']

/** The path that a rule lets out, from the words of the documentation: what stood at each name goes in as sent. */
function authorised (asked: string, met: string): string {
  const mark = asked.indexOf('?')
  const own = mark === -1 ? asked : asked.slice(0, mark)
  const { rewrite } = RULES.find(({ match }) => match.endsWith(` ${met}`)) ?? {}
  if (rewrite === undefined) return BASE + asked
  const segments = own.split('/')
  const names = met.split('/')
  const params = Object.fromEntries(names.flatMap((part, at) => {
    const [, head, name, tail = ''] = /^([^:]*):(\w+)(.*)$/.exec(part) ?? []
    const segment = segments[at] ?? ''
    return head === undefined || name === undefined ? [] : [[name, segment.slice(head.length, segment.length - tail.length)]]
  }))
  const filled = rewrite.split('/').map(part => part === '*' ? segments.slice(names.length - 1).join('/') : part.replace(/:(\w+)/, (_all, name: string) => params[name] ?? ''))
  return BASE + filled.join('/') + asked.slice(own.length)
}

/** What is wrong with the answer of the guards to a target, in words. */
function wrongWith (asked: string, verb: string, guarded: Guarded, patterns = PATTERNS): string | undefined {
  if ('refused' in guarded) return REFUSALS.includes(guarded.refused) ? undefined : guarded.refused
  const methods = RULES.filter(({ match }) => match.endsWith(` ${guarded.met}`)).flatMap(({ match }) => match.split(' ')[0]?.split('|') ?? [])
  if (!methods.includes(verb) && !methods.includes('ANY') && !(verb === 'HEAD' && methods.includes('GET'))) return `${verb} is none of ${methods.join()}`
  if (guarded.upstream !== authorised(asked, guarded.met)) return `sent is ${guarded.upstream}, authorised ${authorised(asked, guarded.met)}`
  // Nor does the way out read what is sent as another path.
  const sent = guarded.upstream.split('?', 1)[0] ?? ''
  if (decoded(new URL(`http://erp.test${sent}`).pathname) !== decoded(sent)) return `${sent} is read as ${new URL(`http://erp.test${sent}`).pathname}`
  const { escapes, matrix } = RULES.find(({ match }) => match.endsWith(` ${guarded.met}`)) ?? {}
  return whatIsWrong(patterns, guarded, escapes !== undefined || matrix === true)
}

const { seed, numRuns } = generation('generated targets')
// Generous: more runs by flag take longer.
const patient = { timeout: 120_000 + 5 * numRuns }
t.setTimeout(patient.timeout)

t.test('a target has one reading for every server, or is refused; what is sent is what was authorised', patient, async t => {
  const sets = [RULES, SMALL_RULES].map(rules => ({ guard: guardsOf(rules, BASE), patterns: rules.map(pathOf) }))
  const passed = new Map<string, number>()
  fc.assert(fc.property(fc.constantFrom(...sets), method, target, ({ guard, patterns }, verb, asked) => {
    const guarded = guard(verb, asked)
    if ('met' in guarded) passed.set(guarded.met, (passed.get(guarded.met) ?? 0) + 1)
    const wrong = wrongWith(asked, verb, guarded, patterns)
    if (wrong !== undefined) throw new Error(`${verb} ${JSON.stringify(asked)}: ${wrong}`)
  }), { seed, numRuns })
  const through = [...passed.values()].reduce((sum, one) => sum + one, 0)
  t.comment(`${through} of ${numRuns} were let through, by ${passed.size} of ${RULES.length} rules`)
  t.ok(numRuns < 1000 || (through > numRuns / 20 && through < numRuns * 0.8), 'some pass and some do not: both halves are tried')
  if (t.passing()) tally('generated targets', { of: numRuns, held: numRuns })
})

t.test('the same on the wire: the ERP sees what was asked for, where it was let through', patient, async t => {
  const runs = Math.ceil(numRuns / (20 * AT_ONCE))
  const { gateway, erp } = await startAttacked(t, {
    routes: RULES.map(rule => ({ ...rule, require: 'public', credential: 'none', headers: { set: { 'X-Rule': rule.match } } })),
    changes: { listen: { header_timeout: '1s' } }
  })
  erp.answerWith(answering(200, ''))
  let cases = 0
  let through = 0
  await fc.assert(fc.asyncProperty(fc.array(fc.tuple(method, target), { minLength: AT_ONCE, maxLength: AT_ONCE }), async all => {
    await Promise.all(all.map(async ([verb, asked]) => {
      const name = String(++cases)
      const head = [`${verb} ${asked} HTTP/1.1`, 'Host: gateway.test', 'Connection: close', `X-Case: ${name}`, 'Content-Length: 0', '', ''].join('\r\n')
      const { responses } = await gateway.raw(head, { methods: [verb] })
      const seen = erp.requests.filter(({ headers }) => headers['x-case'] === name)
      const statuses = responses.map(({ status }) => status)
      // Spaces around it are the request line's, of which a recipient may take more than one (RFC 9112 section 3).
      const wrong = wrongOnTheWire(verb, asked.replace(/^ +| +$/g, ''), statuses, seen)
      if (wrong !== undefined) throw new Error(`${verb} ${JSON.stringify(asked)} is ${statuses.join()}: ${wrong}`)
      through += seen.length
    }))
    erp.requests.splice(0)
  }), { seed, numRuns: runs })
  t.equal(erp.malformed, 0, 'the ERP could read all that came')
  t.comment(`${through} of ${cases} were let through`)
  t.ok(cases < 100 || (through > cases / 20 && through < cases * 0.8), 'some pass and some do not')
  if (t.passing()) tally('generated targets', { of: cases, held: cases })
})

function wrongOnTheWire (verb: string, asked: string, statuses: readonly number[], seen: readonly SeenRequest[]): string | undefined {
  const [status = 0] = statuses
  const [request] = seen
  if (statuses.length !== 1 || seen.length > 1) return `${statuses.length} answers, ${seen.length} requests at the ERP`
  if (request === undefined) return [400, 404, 405, 414].includes(status) ? undefined : 'this is no refusal'
  if (status !== 200 || request.method !== verb) return `the ERP saw ${request.method} ${request.url}`
  const met = String(request.headers['x-rule']).split(' ')[1] ?? ''
  return wrongWith(asked, verb, { met, path: asked.split('?', 1)[0] ?? '', upstream: BASE + request.url })
}
