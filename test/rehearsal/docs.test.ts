import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { rehearsalText } from '../../src/commands/rehearsal-text.ts'
import { tryOut } from '../../src/commands/rehearsing.ts'
import { SHAPES } from '../../src/built-in-issuer/shapes/index.ts'
import { blocksOf } from '../house/pages.ts'
import { read } from '../house/repository.ts'
import { writePolicy } from './issuers.ts'
import { MAIN } from './tried.ts'

const PAGE = 'docs/testing-policies.md'

t.test('the examples of the page come out as it prints them', async t => {
  const blocks = blocksOf(PAGE)
  const [routes] = blocks.filter(({ text }) => text.startsWith('# routes.yaml'))
  const [first, second] = blocks.filter(({ text }) => text.startsWith('# routes.test.yaml'))
  const folder = (await writePolicy(t, MAIN, routes?.text ?? '')).folder
  const files = { config: join(folder, 'gateway.yaml'), routes: join(folder, 'routes.yaml'), cases: join(folder, 'routes.test.yaml') }
  const print = async (cases = ''): Promise<string> => {
    await writeFile(files.cases, cases)
    const { rehearsal, mistakes } = await tryOut(files)
    if (rehearsal === undefined) throw new Error(mistakes.map(({ message }) => message).join('; '))
    return rehearsalText(rehearsal, { color: false, width: 100 }).replaceAll(`${folder}/`, '')
  }
  t.equal(await print(first?.text), blocks.find(({ text }) => text.startsWith('rule '))?.text)
  const whole = await print(second?.text)
  t.match(whole, /a weaker rule would be noticed\ngood$/)
  await writeFile(files.routes, routes?.text.replace('client: {', 'user|client: {') ?? '')
  t.ok((await print(second?.text)).includes(blocks.find(({ text }) => text.startsWith('✗'))?.text ?? 'none'))
})

t.test('the page names every shape that only some IdPs have, and no other', async t => {
  const rows = read(PAGE).split('\n').filter(line => line.startsWith('| `')).flatMap(line => [...(line.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map(([, name = '']) => name))
  const own = Object.entries(SHAPES).flatMap(([idp, shapes]) => Object.keys(shapes).filter(name => !['user', 'client', 'id-token'].includes(name)).map(name => `${idp}-${name}`))
  t.same(new Set(rows.filter(name => Object.keys(SHAPES).some(idp => name.startsWith(`${idp}-`)))), new Set(own))
})
