import { spawnSync } from 'node:child_process'
import t from 'tap'
import { read, readJson, root } from './repository.ts'

interface Locked {
  readonly version: string
  readonly license?: string
  readonly hasInstallScript?: boolean
  readonly dev?: boolean
  readonly optional?: boolean
  readonly devOptional?: boolean
}

/** Licences that ask for nothing but their own text. Another one is for a person to read first. */
const LICENCES = ['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'BlueOak-1.0.0', 'ISC', 'MIT']

/** Packages of which no release is free of known holes, or that were looked at and left out: see docs/decisions.md. */
const NEVER = ['elliptic', 'get-jwks', 'jwk-to-pem', 'jsonwebtoken', 'request']

const locked = Object.entries(Object(readJson('package-lock.json')['packages']) as Readonly<Record<string, Locked>>)
  .filter(([path]) => path !== '')
  .map(([path, entry]) => ({ ...entry, name: path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length) }))
// What the image has: npm ci --omit=dev --omit=optional.
const shipped = locked.filter(({ dev, optional, devOptional }) => dev !== true && optional !== true && devOptional !== true)

t.test('what ships has licences that were looked at, and docs/security.md lists them', async t => {
  t.ok(shipped.length > 50)
  t.same(shipped.filter(({ license }) => !LICENCES.includes(license ?? 'none')).map(({ name, license }) => `${name}: ${license}`), [])
  const counts: Record<string, number> = {}
  for (const { license = 'none' } of distinct(shipped)) counts[license] = (counts[license] ?? 0) + 1
  const listed = [...read('docs/security.md').matchAll(/^\| `([\w.-]+)` \| (\d+) \|$/gm)].map(([, licence = '', count]) => [licence, Number(count)])
  t.same(Object.fromEntries(listed), counts)
})

t.test('nothing that ships runs a script when it is installed, and so it is for the tools', async t => {
  t.same(locked.filter(({ hasInstallScript }) => hasInstallScript === true).map(({ name }) => name), [])
})

t.test('npm itself installs no ranges and asks no scripts of the image', async t => {
  t.match(read('.npmrc'), /^save-exact=true$/m)
  for (const line of read('Dockerfile').split('\n').filter(line => line.includes('npm ci'))) t.match(line, '--ignore-scripts')
})

t.test('what was looked at and left out did not come back by another way', async t => {
  t.same(shipped.filter(({ name }) => NEVER.includes(name)).map(({ name }) => name), [])
})

t.test('npm run sbom lists just what ships', async t => {
  const { status, stdout, stderr } = spawnSync('npm', ['run', '--silent', 'sbom'], { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
  t.equal(status, 0, stderr)
  // CycloneDX, as far as it is looked at.
  const { bomFormat, components } = JSON.parse(stdout) as { bomFormat: string, components: ReadonlyArray<{ name: string, version: string, licenses?: unknown }> }
  t.equal(bomFormat, 'CycloneDX')
  const named = components.map(({ name, version }) => `${name}@${version}`)
  t.same(named.sort(), distinct(shipped).map(({ name, version }) => `${name}@${version}`).sort())
  t.same(components.filter(({ licenses }) => licenses === undefined).map(({ name }) => name), [])
})

function distinct (packages: ReadonlyArray<Locked & { readonly name: string }>): Array<Locked & { readonly name: string }> {
  return [...new Map(packages.map(one => [`${one.name}@${one.version}`, one])).values()]
}
