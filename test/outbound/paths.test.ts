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
  const segment = fc.stringMatching(/^[A-Za-z0-9._~-]{1,8}$/).filter(text => text !== '.' && !text.includes('..'))
  for (const [match, rewrite] of [['GET /a/:id', '/x/:id'], ['GET /a/:id/b/*', '/y/*'], ['GET /:one/:two', '/z/:two/:one'], ['GET /a/*', '/*'], ['GET /a/:id/c', '/d'], ['GET /K(:id)', '/c/:id'], ['GET /c/:id/:one', '/:one/K(x=:id)'], ['GET /K(:id)/L(:one)', "/M(':one')/N(:id).x"], ['GET /K(:id)/*', '/L(:id)/m/*']] as const) {
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

t.test('a key goes into a rewrite and out of it as sent, and what is no key goes nowhere', async t => {
  const toKey = createPathMap('/erp', parseMatch('GET /c/:id'), '/K(:id)')
  t.equal(toKey.toUpstream('', { params: { id: '%271%27' }, rest: undefined }), '/erp/K(%271%27)')
  for (const id of ["'1'", '1', 'a=1,b=2', '1%20', "'1", '1)', '1)(2', '..', '$batch', '1%29x%282', '']) t.equal(toKey.fits?.({ id }), /^('1'|1|a=1,b=2)$/.test(id), id)
  t.equal(toKey.fits?.({}), false)
  const quoted = createPathMap('', parseMatch('GET /c/:id'), "/K(':id')/x")
  for (const id of ['1', "it''s", '1)(2', "'1'", "1'", "1'')'", '1%27', '..', '%27%27']) t.equal(quoted.fits?.({ id }), /^(1|it''s|1\)\(2|%27%27)$/.test(id), id)
  t.equal(createPathMap('', parseMatch('GET /K(:id)'), '/c/:id').fits, undefined)
  t.equal(createPathMap('', parseMatch('GET /K(:id)'), undefined).fits, undefined)

  const parts = { params: { id: '1' }, rest: undefined }
  t.equal(toKey.fromUpstream("/erp/K('2')", parts), '/c/\'2\'')
  for (const path of ["/K('2", '/K()', '/K(1)(2)', '/k(2)', '/K(..)']) t.equal(toKey.fromUpstream(`/erp${path}`, parts), path, 'what is no key of the rewrite stays as it is')
  t.equal(toKey.fromUpstream('/erp/K(1)/x', parts), '/c/1/x', 'below what the request went to')
  const fromKey = createPathMap('', parseMatch('GET /K(:id)'), '/c/:id')
  t.equal(fromKey.fromUpstream("/c/'2'", parts), "/K('2')")
  t.equal(fromKey.fromUpstream('/c/2)(3', parts), '/c/2)(3', 'what is no key of the match does not become one')
})
