// What `npm run demo` and `npm test` need on a machine that has Node and npm only.
// It runs before node_modules exists, so it imports nothing but Node itself.
//
//   node scripts/setup.mjs demo    the packages and the build
//   node scripts/setup.mjs test    the same, and Debian's chromium, glewlwyd and redis-server
//
// What is there and fresh is left alone, silently. Exit status 1 where packages or build cannot be had;
// a program that cannot be installed is named with what to do, and fails the tests that need it.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { accessSync, constants, existsSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const packagesStamp = join(root, 'node_modules/.countersign-setup')
const buildStamp = join(root, 'dist/.countersign-setup')
const pageStamp = join(root, 'dist/.countersign-page')

// Debian's programs that tests drive: the one that must be found, and what brings it.
const PROGRAMS = [
  { program: 'chromium', packages: ['chromium'], suite: 'browser and console' },
  { program: 'glewlwyd', packages: ['glewlwyd', 'dbconfig-no-thanks'], suite: 'interop' },
  { program: 'sqlite3', packages: ['sqlite3'], suite: 'interop' },
  { program: 'redis-server', packages: ['redis-server'], suite: 'store' },
  { program: 'redis-cli', packages: ['redis-tools'], suite: 'store' }
]

// Run by sh as root, with the packages as $@.
const INSTALL = `
set -eu
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8

# An installed daemon is started by its package, unless this file says no.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
  trap 'rm -f /usr/sbin/policy-rc.d' EXIT
  trap 'exit 130' INT TERM HUP
  printf '#!/bin/sh\\nexit 101\\n' > $policy
  chmod 755 $policy
fi

ours=no
if [ "$(dpkg-query -W -f '\${db:Status-Status}' glewlwyd 2>/dev/null || true)" != installed ]; then
  ours=yes
  # Its default, "Personalized", asks dbconfig for a database, and fails where dbconfig-no-thanks stands in.
  echo 'glewlwyd glewlwyd/config_type select No configuration' | debconf-set-selections
fi

redis=no
if [ "$(dpkg-query -W -f '\${db:Status-Status}' redis-server 2>/dev/null || true)" != installed ]; then redis=yes; fi

# Slim images drop /usr/share/doc, where glewlwyd keeps the configuration that it installs, and its tables.
get () {
  apt-get install -y -q --no-install-recommends -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 \\
    -o Dpkg::Options::=--path-include='/usr/share/doc/glewlwyd/*' "$@"
}
if [ -z "$(find /var/lib/apt/lists -name '*_Packages*' -print -quit 2>/dev/null)" ]; then apt-get update -q; fi
get "$@" || { apt-get update -q; get "$@"; }

if [ $ours = yes ] && [ -x /usr/bin/glewlwyd ]; then
  # Where an own policy-rc.d let it start.
  invoke-rc.d glewlwyd stop >/dev/null 2>&1 || true
  deb-systemd-helper disable glewlwyd.service >/dev/null 2>&1 || true
  update-rc.d glewlwyd disable >/dev/null 2>&1 || true
fi
if [ $redis = yes ] && [ -x /usr/bin/redis-server ]; then
  invoke-rc.d redis-server stop >/dev/null 2>&1 || true
  deb-systemd-helper disable redis-server.service >/dev/null 2>&1 || true
  update-rc.d redis-server disable >/dev/null 2>&1 || true
fi
`

const purpose = process.argv[2]
if (purpose !== 'demo' && purpose !== 'test') fail('usage: node scripts/setup.mjs demo|test')
const [major = 0] = process.versions.node.split('.').map(Number)
if (major < 20) fail(`Node 20 or later is needed, this is ${process.version} (${process.execPath})`)

installPackages()
build()
buildPage()
if (purpose === 'test') installPrograms()

function installPackages () {
  // Another major of Node may want other packages: `engines` decides at install time.
  const wanted = digest(`node ${major} ${process.platform} ${process.arch}\n`, readFileSync(join(root, 'package-lock.json')))
  if (read(packagesStamp) === wanted) return

  say(`npm ci (node_modules is ${existsSync(join(root, 'node_modules')) ? 'stale' : 'missing'})`)
  const npm = process.env.npm_execpath
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error']
  const done = npm?.endsWith('.js') ? run(process.execPath, [npm, ...args]) : run('npm', args)
  if (done.status !== 0) fail('npm ci failed: is the package registry within reach? By hand: npm ci')

  // tap keeps its set of plugins (.taprc) inside node_modules: built once here, not by the first test.
  const tap = run(process.execPath, ['node_modules/tap/dist/esm/run.mjs', 'build'], { quiet: true })
  if (tap.status !== 0) fail(`tap could not build its plugins\n${tap.output}`)
  writeFileSync(packagesStamp, wanted)
}

function build () {
  const sources = [...filesIn('src', '.ts'), ...filesIn('test', '.ts')]
  // Of the console's files tests use some, too.
  const facts = [...sources, ...filesIn('console', '.ts')].map(file => `${file} ${statSync(join(root, file)).mtimeMs} ${statSync(join(root, file)).size}`)
  const wanted = digest(read(packagesStamp), readFileSync(join(root, 'tsconfig.json')), facts.join('\n'))
  const outputs = new Set(sources.map(file => join('dist', file.replace(/\.ts$/, '.js'))))
  const complete = [...outputs].every(file => existsSync(join(root, file)))
  if (complete && read(buildStamp) === wanted) return

  say(`tsc (dist is ${existsSync(join(root, 'dist')) ? 'stale' : 'missing'})`)
  // The compiler believes its own notes about what it has written: without the files they are wrong.
  if (!complete) rmSync(join(root, 'dist/.tsbuildinfo'), { force: true })
  const done = run(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.json'])
  if (done.status !== 0) fail('the sources do not compile')

  // A deleted test must not go on running from dist.
  for (const file of [...filesIn('dist/src', '.js'), ...filesIn('dist/test', '.js')]) {
    if (outputs.has(file)) continue
    rmSync(join(root, file))
    rmSync(join(root, `${file}.map`), { force: true })
  }
  writeFileSync(buildStamp, wanted)
}

// The console's page. Its stamp is beside it, for Vite empties the folder that it builds into.
function buildPage () {
  const sources = ['console', 'src'].flatMap(folder => ['.ts', '.tsx', '.css', '.html', '.svg', '.json'].flatMap(extension => filesIn(folder, extension)))
  const facts = sources.map(file => `${file} ${digest(readFileSync(join(root, file)))}`)
  const wanted = digest(read(packagesStamp), facts.join('\n'))
  if (existsSync(join(root, 'dist/page/index.html')) && read(pageStamp) === wanted) return

  say(`vite build (dist/page is ${existsSync(join(root, 'dist/page')) ? 'stale' : 'missing'})`)
  const checked = run(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'console/tsconfig.json'])
  if (checked.status !== 0) fail('the console does not compile')
  const done = run(process.execPath, ['node_modules/vite/bin/vite.js', 'build', 'console', '--logLevel=warn'])
  if (done.status !== 0) fail('the console could not be built')
  writeFileSync(pageStamp, wanted)
}

function installPrograms () {
  const missing = PROGRAMS.filter(({ program }) => !onPath(program))
  if (missing.length === 0) return

  const packages = missing.flatMap(each => each.packages)
  const byHand = `sudo apt-get install --no-install-recommends ${packages.join(' ')}`
  const suites = [...new Set(missing.map(each => each.suite))]
  const without = `the tests in ${suites.join(' and ')} fail without; by hand: ${byHand}`
  const names = missing.map(each => each.program).join(', ')
  if (!onPath('apt-get')) return say(`${names} missing, and there is no apt-get here: ${without}`)

  const asRoot = process.getuid?.() === 0 ? [] : ['sudo', '-n']
  if (asRoot.length > 0 && run('sudo', ['-n', 'true'], { quiet: true }).status !== 0) {
    return say(`${names} missing, and this is neither root nor sudo without a password: ${without}`)
  }
  say(`apt-get install ${packages.join(' ')} (for the tests; nothing is started)`)
  const [shell = '', ...args] = [...asRoot, 'sh', '-c', INSTALL, 'sh', ...packages]
  const done = run(shell, args, { quiet: true })
  if (done.status !== 0) say(`${done.output.trim()}\nsetup: apt-get failed, see above: ${without}`)
}

function run (command, args, { quiet = false } = {}) {
  const done = spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    stdio: ['ignore', quiet ? 'pipe' : 'inherit', quiet ? 'pipe' : 'inherit']
  })
  return { status: done.status, output: `${done.stdout ?? ''}${done.stderr ?? ''}${done.error?.message ?? ''}` }
}

function filesIn (folder, extension) {
  if (!existsSync(join(root, folder))) return []
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    // Node 20.12 renamed `path` to `parentPath`.
    .filter(entry => entry.isFile() && entry.name.endsWith(extension) && !entry.name.endsWith('.d.ts'))
    .map(entry => relative(root, join(entry.parentPath ?? entry.path, entry.name)))
    .sort()
}

function onPath (program) {
  // A user's PATH may lack sbin; Debian's own programs are looked for where Debian puts them.
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/bin', '/bin']
  return folders.some(folder => {
    try {
      accessSync(join(folder, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

function read (file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined
}

function digest (...parts) {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part ?? '')
  return hash.digest('hex')
}

function say (line) {
  console.error(`setup: ${line}`)
}

function fail (line) {
  say(line)
  process.exit(1)
}
