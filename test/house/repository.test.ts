import t from 'tap'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { filesIn, read, readJson, root } from './repository.ts'

const code = [
  ...filesIn('src', /\.ts$/),
  ...filesIn('test', /\.ts$/),
  ...filesIn('scripts', /\.mjs$/)
]
const texts = ['README.md', 'CHANGELOG.md', 'SECURITY.md', 'deploy/README.md', ...filesIn('docs', /\.md$/)].filter(path => existsSync(join(root, path)))

t.test('no test is left out, and none stands alone', async t => {
  // Spelled so that this file does not find itself.
  const words = ['only', 'skip', 'todo']
  const calls = new RegExp(`\\bt\\.(${words.join('|')})\\s*\\(|[{,]\\s*(${words.join('|')}):\\s*(?!false)`)
  t.same(linesWith(filesIn('test', /\.ts$/), calls), [])
})

t.test('no note of unfinished work', async t => {
  t.same(linesWith([...code, ...texts], new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X', 'HA' + 'CK'].join('|')})\\b`)), [])
})

t.test('no check of the compiler is switched off', async t => {
  t.same(linesWith(code, new RegExp(`@ts-(${['ignore', 'nocheck'].join('|')})\\b`)), [])
})

t.test('every relative link leads somewhere', async t => {
  const broken = texts.flatMap(path => links(read(path)).filter(link => !leads(path, link)).map(link => `${path}: ${link}`))
  t.same(broken, [])
})

t.test('the licence is there, in full', async t => {
  t.match(read('LICENSE'), /Apache License\s+Version 2\.0, January 2004/)
  t.ok(read('LICENSE').includes('END OF TERMS AND CONDITIONS'))
  t.equal(readJson('package.json')['license'], 'Apache-2.0')
})

t.test('packages are pinned to the digit', async t => {
  const manifest = readJson('package.json')
  const loose = ['dependencies', 'devDependencies', 'optionalDependencies']
    .flatMap(kind => Object.entries(manifest[kind] ?? {}))
    .filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(String(version)))
  t.same(loose, [])
})

t.test('the lock file names no registry, and a hash for every package', async t => {
  const lock = readJson('package-lock.json')
  const packages = Object.entries(lock['packages'] ?? {}).filter(([path]) => path !== '')
  t.ok(packages.length > 50)
  t.same(packages.filter(([, entry]) => 'resolved' in Object(entry)).map(([path]) => path), [])
  t.same(packages.filter(([, entry]) => !('integrity' in Object(entry)) && !('inBundle' in Object(entry))).map(([path]) => path), [])
})

t.test('the lock file has a package for every one that is asked for', async t => {
  // npm leaves out of a lock file what its registry does not have, and then refuses to install from it.
  const lock = readJson('package-lock.json')
  const packages = new Map(Object.entries(lock['packages'] ?? {}))
  const missing = [...packages].flatMap(([path, entry]) => {
    const { dependencies = {}, optionalDependencies = {} } = Object(entry) as Readonly<Record<string, Readonly<Record<string, string>> | undefined>>
    return Object.keys({ ...dependencies, ...optionalDependencies })
      .filter(name => !folders(path).some(folder => packages.has(`${folder}node_modules/${name}`)))
      .map(name => `${path} wants ${name}`)
  })
  t.same(missing, [])
})

t.test('the image and the second pass of the tests run on the same Node', async t => {
  const image = [...read('Dockerfile').matchAll(/^FROM node:(\S+)-slim\b/gm)].map(found => found[1])
  const [, tested] = /VERSION = '([\d.]+)'/.exec(read('scripts/node24.mjs')) ?? []
  t.ok(image.length > 0)
  t.same([...new Set(image)], [tested])
})

t.test('the version is the same wherever it stands', async t => {
  const { version } = readJson('package.json')
  t.equal(/image\.version="([^"]+)"/.exec(read('Dockerfile'))?.[1], version)
  t.equal(readJson('package-lock.json')['version'], version)
})

function linesWith (paths: readonly string[], pattern: RegExp): string[] {
  return paths.flatMap(path => read(path).split('\n')
    .map((line, index) => ({ line, at: `${path}:${index + 1}` }))
    .filter(({ line }) => pattern.test(line))
    .map(({ line, at }) => `${at}: ${line.trim()}`))
}

/** The targets of the links and images of a Markdown text; what stands in code is not one. */
function links (text: string): string[] {
  const prose = text.replace(/^(```|~~~)[^]*?^\1/gm, '').replace(/`[^`\n]*`/g, '')
  const inline = [...prose.matchAll(/\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)/g)].map(found => found[1] ?? '')
  const references = [...prose.matchAll(/^\[[^\]]+\]:\s*(\S+)/gm)].map(found => found[1] ?? '')
  return [...inline, ...references].filter(link => !/^[a-z][a-z+.-]*:/i.test(link))
}

function leads (from: string, link: string): boolean {
  const [path = '', fragment] = link.split('#')
  const target = path === '' ? from : join(dirname(from), decodeURIComponent(path))
  if (target.startsWith('..') || !existsSync(join(root, target))) return false
  return fragment === undefined || !target.endsWith('.md') || anchors(read(target)).has(fragment)
}

/** The anchors that a renderer makes of headings: in lower case, words joined by dashes, a number for the second of a name. */
function anchors (text: string): Set<string> {
  const seen = new Map<string, number>()
  const headings = text.replace(/^(```|~~~)[^]*?^\1/gm, '').matchAll(/^#{1,6}\s+(.+?)\s*#*$/gm)
  const made = [...headings].map(([, heading = '']) => {
    const plain = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').replace(/[`*]/g, '')
    const slug = plain.toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, '').replace(/\s/g, '-')
    const before = seen.get(slug) ?? 0
    seen.set(slug, before + 1)
    return before === 0 ? slug : `${slug}-${before}`
  })
  const explicit = [...text.matchAll(/<a (?:id|name)="([^"]+)"/g)].map(found => found[1] ?? '')
  return new Set([...made, ...explicit])
}

/** Where Node looks for a package's packages: in its own folder, then in those around it. */
function folders (path: string): string[] {
  const around = path === '' ? [] : folders(path.slice(0, Math.max(0, path.lastIndexOf('node_modules/') - 1)))
  return [path === '' ? '' : `${path}/`, ...around]
}
