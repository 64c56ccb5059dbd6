import t from 'tap'
import { resolveTarget } from '../../../src/policy/batch/target.ts'
import { Refusal } from '../../../src/policy/problems.ts'

const ROOT = '/odata/v2/'

function resolved (target: string, ids: readonly string[] = []): string {
  try {
    const { path, query, isAbsolute, otherPath } = resolveTarget(target, ROOT, new Set(ids))
    return `${path}${query}${isAbsolute ? ` or ${otherPath}` : ''}`
  } catch (error) {
    if (error instanceof Refusal) return error.code
    throw error
  }
}

t.test('a target is taken from the root of the service, or from that of the host', async t => {
  t.equal(resolved('A'), '/odata/v2/A')
  t.equal(resolved("A(k='a:b',t=datetime'2020-01-01T00:00:00')/B/$count?$top=1&x=/../"), "/odata/v2/A(k='a:b',t=datetime'2020-01-01T00:00:00')/B/$count?$top=1&x=/../")
  t.equal(resolved('/odata/v2/A?x'), '/odata/v2/A?x or /odata/v2/odata/v2/A')
  t.equal(resolved('/other/A'), '/other/A or /odata/v2/other/A')
})

t.test('what could be another path is refused, as outside a batch', async t => {
  for (const target of ['../A', 'A/../B', './A', 'A/.', 'A//B', '//host/A', 'A;x', 'A\\B', 'A%2fB', 'A%2e', 'A%252fB', 'A%00', 'A%', 'A#b', 'A?b#c', '%20A']) t.equal(resolved(target), 'target-ambiguous', target)
  for (const query of ['access_token=x', 'a=b&%61ccess_token=x', 'id_token']) t.equal(resolved(`A?${query}`), 'credential-in-query', query)
})

t.test('whole URLs, batches and references are refused', async t => {
  for (const target of ['http://host/odata/v2/A', 'HTTPS://host/A', 'http:A', 'h%74tp:A', 'file:///A', 'a+b.c-d:e', '?a', '?', '#', '$1', '$1/Items', '/$1', '%241/Items', '/odata/v2/$1/Items', '$batch', '$BATCH', '%24batch', 'A/$batch', '/odata/v2/$batch', '/other/$batch', 'A/$Batch.', '$batch(1)', '$metadata', '$entity?$id=A', '$all']) {
    t.equal(resolved(target), 'batch-part-unsupported', target)
  }
})

t.test('an id that stands behind a $ anywhere is a reference', async t => {
  for (const target of ['$r1', 'A/$r1', 'A/$r1/B', 'A?$r1', 'A?x=$r1/Secret', 'A?x=%24r1', 'A?x=$%721', 'A?x=%2524r1', 'A?x=%252524r1', 'A?x=$R1', 'A?x=$r12', "A?$filter=a eq '$r1'".replaceAll(' ', '%20'), '/odata/v2/A/$r1', '/other?$r1']) t.equal(resolved(target, ['r1']), 'batch-part-unsupported', target)
  for (const target of ['A?$top=1', 'A/$count', 'A?x=$r2', 'A?x=$', 'A?r1=1', 'A?x=$$2']) t.equal(resolved(target, ['r1']), `/odata/v2/${target}`, target)
  t.equal(resolved('A?$filter=x', ['filter']), 'batch-part-unsupported')
  t.equal(resolved('A?$filter=x', ['f']), 'batch-part-unsupported')
})

t.test('thousands of ids and of $ are looked through in no time', async t => {
  const ids = Array.from({ length: 1000 }, (_, at) => `${'a'.repeat(120)}${at}`)
  const began = performance.now()
  t.equal(resolved(`A?${'$'.repeat(8000)}`, ids), `/odata/v2/A?${'$'.repeat(8000)}`)
  t.equal(resolved(`A?$${'a'.repeat(16_000)}`, ids), `/odata/v2/A?$${'a'.repeat(16_000)}`)
  t.ok(performance.now() - began < 2000)
})
