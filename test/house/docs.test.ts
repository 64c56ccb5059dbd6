import t from 'tap'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { ERP_NAMES, ERPS } from '../../src/config/erps/index.ts'
import { PROBLEMS } from '../../src/policy/problems.ts'
import { PROFILE_NAMES } from '../../src/policy/profiles/index.ts'
import { ownMetrics } from './own-metrics.ts'
import { complaints, examplesOf, fileOf, blocksOf } from './pages.ts'
import { filesIn, read, root } from './repository.ts'

const pages = ['README.md', ...filesIn('docs', /\.md$/)]

t.test('every code has its heading in docs/problems.md, in the order of the source, and no other is there', async t => {
  const sections = read('docs/problems.md').split(/^### /m).slice(1)
  t.same(sections.map(section => section.split('\n', 1)[0]), Object.keys(PROBLEMS))
})

t.test('a code is described with its status and its challenge', async t => {
  const sections = read('docs/problems.md').split(/^### /m).slice(1).map(section => section.split(/^## /m)[0] ?? '')
  for (const [at, [code, problem]] of Object.entries(PROBLEMS).entries()) {
    const [, first = ''] = sections[at]?.split('\n') ?? []
    const challenge = 'challenge' in problem && problem.challenge !== null ? `error="${problem.challenge}"` : ''
    t.ok(first.startsWith(`**${problem.status}**`), `${code}: ${problem.status}`)
    t.equal(/error="[a-z_]+"/.exec(first)?.[0] ?? '', challenge, `${code}: ${challenge}`)
  }
})

t.test('every profile has a page, and a row in both tables', async t => {
  const index = rowsOf('docs/idps/README.md')
  const proofs = rowsOf('docs/principals.md')
  for (const name of PROFILE_NAMES) {
    t.ok(existsSync(join(root, `docs/idps/${name}.md`)), `a page for ${name}`)
    t.equal(index.filter(row => row.includes(`(${name}.md) | \`${name}\``)).length, 1, `${name} in the index`)
    t.equal(proofs.filter(row => row.startsWith(`| [\`${name}\`](idps/${name}.md) |`)).length, 1, `${name} in the table of proofs`)
  }
  t.same(new Set(filesIn('docs/idps', /\.md$/)), new Set(['README', ...PROFILE_NAMES].map(name => `docs/idps/${name}.md`)), 'and no other page')
})

t.test('docs/erps/README.md has every entry of every profile, and no other', async t => {
  const rows = rowsOf('docs/erps/README.md').filter(row => /^\| `[a-z-]+` \|/.test(row)).map(row => row.split('|').slice(1, -1).map(cell => cell.trim()))
  t.same(rows.map(([name]) => name), ERP_NAMES.map(name => `\`${name}\``))
  const named = (cell = '') => [...cell.matchAll(/(?<!\[)`([^`]+)`/g)].map(([, name]) => name)
  for (const [at, name] of ERP_NAMES.entries()) {
    const [, , headers, query, answer, timeout] = rows[at] ?? []
    const profile = ERPS[name]
    t.same(named(headers), profile.headers, `${name}: headers`)
    t.same(named(query), [...profile.query, ...profile.methodOverrides], `${name}: parameters`)
    t.same(named(answer), profile.answerHeaders, `${name}: answers`)
    t.equal(timeout, `${(profile.timeout ?? 30_000) / 1000}s`, `${name}: timeout`)
  }
})

t.test('every profile of an ERP names its sources', async t => {
  for (const name of ERP_NAMES.filter(one => one !== 'generic')) t.match(read(`src/config/erps/${name}.ts`), /Sources, of /, name)
})

t.test('whatever a page shows of the two files, check takes', async t => {
  for (const page of pages) {
    await t.test(page, async t => {
      for (const example of await examplesOf(t, page)) t.same(complaints(example, { warnings: page.startsWith('docs/idps/') }), [], example.block.at)
    })
  }
})

t.test('a page about an IdP shows both files, and no other YAML', async t => {
  for (const name of PROFILE_NAMES) {
    const shown = blocksOf(`docs/idps/${name}.md`).filter(({ language }) => language === 'yaml')
    t.same(shown.filter(block => fileOf(block) === undefined).map(({ at }) => at), [], name)
    t.same(new Set(shown.map(fileOf)), new Set(['gateway', 'routes']), name)
  }
})

t.test('docs/metrics.md has every metric, and no other', async t => {
  const ours = [...ownMetrics().keys()]
  const described = rowsOf('docs/metrics.md').flatMap(row => /^\| `(countersign_\w+)`/.exec(row)?.[1] ?? [])
  t.ok(ours.length > 5)
  t.same(new Set(described), new Set(ours))
  t.equal(described.length, ours.length)
})

function rowsOf (page: string): string[] {
  return read(page).split('\n').filter(line => line.startsWith('| '))
}
