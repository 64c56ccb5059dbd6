import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import type { Section } from './gauntlet.ts'

/** How many rows each section has; what they are is in rows/. */
const ROWS = { a: 32, b: 12, c: 17, d: 7, e: 25, f: 9, g: 16, h: 11, i: 16, j: 7, k: 3, l: 5 }

const folder = new URL('rows/', import.meta.url)
const files = readdirSync(fileURLToPath(folder)).filter(file => file.endsWith('.js')).sort()

t.test('the table is whole: 160 rows, each in its section once, each with what is asked', async t => {
  const counts: Record<string, number> = {}
  for (const file of files) {
    // A file of rows/ exports one section.
    const [section = {}] = Object.values(await import(new URL(file, folder).href) as Record<string, Section>)
    counts[file.charAt(0)] = Object.keys(section).length
    for (const [id, row] of Object.entries(section)) {
      t.match(id, new RegExp(`^${file.charAt(0).toUpperCase()}\\d\\d$`))
      t.match(row, { story: /\w{3}/, origin: /\w{3}/, required: /\w{3}/ }, id)
    }
  }
  t.same(counts, ROWS)
  t.equal(Object.values(counts).reduce((sum, one) => sum + one, 0), 160)
})

t.test('each section has its tests', t => {
  const tests = readdirSync(fileURLToPath(new URL('.', import.meta.url)))
  for (const file of files) t.ok(tests.includes(file.replace(/\.js$/, '.test.js')), file)
  t.end()
})
