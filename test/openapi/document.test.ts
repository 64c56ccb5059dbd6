import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { parseDocument, readDocument } from '../../src/openapi/document.ts'
import { tempDir } from '../support/files.ts'

t.test('YAML and JSON are read alike, with what other readers take', async t => {
  t.same(parseDocument('openapi: 3.1.0\npaths:\n  /a: &a { get: {} }\n  /b: *a\n'), { openapi: '3.1.0', paths: { '/a': { get: {} }, '/b': { get: {} } } })
  t.same(parseDocument('\ufeff{"openapi": "3.1.0"}'), { openapi: '3.1.0' })
  t.same(parseDocument('{ openapi: 3.1.0, paths: {} }'), { openapi: '3.1.0', paths: {} }, 'what begins like JSON may be YAML')
})

t.test('what would fill the memory, or has two readings, is refused with its reason', async t => {
  const bomb = ['a: &a [x,x,x,x,x,x,x,x,x]', ...'bcdefghij'.split('').map((name, at) => `${name}: &${name} [${Array(9).fill(`*${'abcdefghij'[at] ?? ''}`).join()}]`)].join('\n')
  const texts = {
    'aliases of aliases': bomb,
    'an alias of nothing': 'a: *b',
    'brackets without end': '['.repeat(100_000),
    'mappings without end': Array.from({ length: 1000 }, (_, at) => `${' '.repeat(at)}a:`).join('\n'),
    'a key twice': 'paths:\n  /a: {}\n  /a: {}\n',
    'two documents': 'a: 1\n---\nb: 2\n',
    'no YAML': 'a: [1\nb: "',
    'too much of it': `a: "${'x'.repeat(9 * 1024 * 1024)}"`
  }
  for (const [name, text] of Object.entries(texts)) t.throws(() => parseDocument(text), { name: 'DescriptionError' }, name)
})

t.test('a file is a file, of UTF-8', async t => {
  const dir = await tempDir(t)
  await mkdir(join(dir, 'folder'))
  await writeFile(join(dir, 'latin1'), Buffer.from([0x61, 0xe4]))
  await writeFile(join(dir, 'good'), 'a: 1')
  t.same(await readDocument(join(dir, 'good')), { a: 1 })
  for (const name of ['none', 'folder', 'latin1']) await t.rejects(readDocument(join(dir, name)), { name: 'DescriptionError' }, name)
  await t.rejects(readDocument('/dev/zero'), { name: 'DescriptionError' })
})
