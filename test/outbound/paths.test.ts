import fc from 'fast-check'
import t from 'tap'
import { rewriteLocation } from '../../src/outbound/location.ts'
import { createPathMap } from '../../src/outbound/paths.ts'
import { parseMatch } from '../../src/policy/pattern.ts'

const PUBLIC = 'https://api.example.com'

/** Whatever an upstream may write into a Location. */
const references = fc.oneof(
  fc.string({ unit: 'binary-ascii', maxLength: 40 }),
  fc.webUrl({ withQueryParameters: true, withFragments: true }),
  fc.array(fc.constantFrom('/', '//', '\\', '.', '..', '%2e', '%2f', 'a', 'erp', 'v1', '?', '#', ':', '@', 'evil.example.com', 'http:', 'https:', 'http://erp.example.com', 'javascript:'), { maxLength: 10 }).map(parts => parts.join(''))
)

t.test('a Location under the upstream leads to the gateway and nowhere else', async t => {
  for (const base of ['', '/erp/v1']) {
    const upstream = new URL(`http://erp.example.com${base}`)
    const paths = createPathMap(base, parseMatch('GET /*'), undefined)
    fc.assert(fc.property(references, value => {
      const before = URL.canParse(value, upstream.origin) ? new URL(value, `${upstream.origin}${base}/a/b`) : undefined
      const seen = rewriteLocation(value, { upstream, origins: new Set([upstream.origin]), upstreamPath: `${base}/a/b`, paths, parts: { params: {}, rest: 'a/b' }, publicUrl: PUBLIC })
      if (before?.origin !== upstream.origin) return seen === value
      return new URL(seen, `${PUBLIC}/a/b`).origin === PUBLIC
    }), { numRuns: 2000 })
  }
  t.pass('for two thousand of each')
})

t.test('a path that goes there by a rewrite comes back by it', async t => {
  const segment = fc.stringMatching(/^[A-Za-z0-9._~-]{1,8}$/).filter(text => !/^\.{1,2}$/.test(text))
  for (const [match, rewrite] of [['GET /a/:id', '/x/:id'], ['GET /a/:id/b/*', '/y/*'], ['GET /:one/:two', '/z/:two/:one'], ['GET /a/*', '/*'], ['GET /a/:id/c', '/d']] as const) {
    const parsed = parseMatch(match)
    const paths = createPathMap('/base', parsed, rewrite)
    fc.assert(fc.property(fc.array(segment, { minLength: 6, maxLength: 6 }), values => {
      const params = { id: values[0] ?? '', one: values[1] ?? '', two: values[2] ?? '' }
      const parts = { params, rest: values.slice(3).join('/') }
      const path = createPathMap('', parsed, match.slice(4)).toUpstream('', parts)
      return paths.fromUpstream(paths.toUpstream(path, parts), parts) === path
    }))
  }
  t.pass('each of them')
})

t.test('what is beside the base is not under it', async t => {
  const paths = createPathMap('/erp', parseMatch('GET /*'), undefined)
  const parts = { params: {}, rest: '' }
  t.equal(paths.fromUpstream('/erpx/a', parts), undefined)
  t.equal(paths.fromUpstream('/', parts), undefined)
  t.equal(paths.fromUpstream('/erp', parts), '/')
  t.equal(paths.fromUpstream('/erp/', parts), '/')
})
