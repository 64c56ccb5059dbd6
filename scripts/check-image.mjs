// The image without Docker: runs the Dockerfile's own steps in a clean folder, each stage a root of
// its own, on the image's Node; then starts the result as its user, with nothing that it could write
// to, and asks it by the HEALTHCHECK; a part of the demo, by its target, likewise. What only a real build shows stays open: that the base image
// exists, and what its Debian holds.
//
//   node scripts/check-image.mjs
//
// The last line counts what was checked.
import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, delimiter, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { node24, VERSION } from './node24.mjs'
import { readDockerfile, readDockerignore } from './read-dockerfile.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const project = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const isRoot = process.getuid?.() === 0
const count = { passed: 0, failed: 0 }

// As an operator would mount it. The ERP and the IdP are not there: /livez does not depend on them.
const GATEWAY = `
listen: { host: 127.0.0.1, port: 0 }
admin: { host: 127.0.0.1, port: "\${ADMIN_PORT}" }
issuers:
  main: { issuer: "http://127.0.0.1:1/", idp: rfc9068, audience: "https://api.example.com" }
upstreams:
  erp: { url: "http://127.0.0.1:1", credential: none }
`
const ROUTES = `
routes:
  - match: GET /status
    require: public
`

const scratch = mkdtempSync(join(tmpdir(), 'countersign-image-'))
try {
  chmodSync(scratch, 0o755)
  await check()
} catch (error) {
  expect(`the image could be made: ${error.message}`, false)
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
console.log(`${count.passed} passed, ${count.failed} failed`)
process.exitCode = count.failed > 0 ? 1 : 0

async function check () {
  const stages = readDockerfile(readFileSync(join(root, 'Dockerfile'), 'utf8'))
  const node = node24()
  for (const stage of stages) make(stage, node)

  const image = stages.at(-1)
  expect(`every stage is from node:${VERSION}-slim`, stages.every(stage => stage.image === `node:${VERSION}-slim`))
  expect(`its version is ${project.version}`, image.labels['org.opencontainers.image.version'] === project.version)
  expect('its user is a number, not root', /^[1-9]\d*:[1-9]\d*$/.test(image.user))
  expect('its ports are 8080 and 9090', image.ports.join() === '8080,9090')
  const packages = join(image.root, image.workdir, 'node_modules')
  const wanted = Object.keys(project.dependencies)
  expect('it has every production dependency', wanted.every(name => existsSync(join(packages, name))))
  const unwanted = [...Object.keys(project.devDependencies), ...Object.keys(project.optionalDependencies)].filter(name => !wanted.includes(name))
  // A dependency may bring one of these by itself: then it is there for a reason.
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages
  const surplus = unwanted.filter(name => lock[`node_modules/${name}`]?.dev || lock[`node_modules/${name}`]?.optional).filter(name => existsSync(join(packages, name)))
  expect(`it has neither compiler nor tests nor oidc-provider ${surplus.join(' ')}`, surplus.length === 0)
  console.log(`   # ${(bytesIn(join(image.root, image.workdir)) / 1024 / 1024).toFixed(1)} MiB above the base image`)
  await start(image)
  await startDemoPart(stages.find(({ name }) => name === 'demo'))
}

/** Runs the steps of one stage below a root of its own. */
function make (stage, node) {
  stage.root = join(scratch, stage.name ?? 'image')
  stage.workdir = '/'
  const bin = join(stage.root, 'usr/local/bin')
  mkdirSync(bin, { recursive: true })
  copyFileSync(node, join(bin, 'node'))
  for (const step of stage.steps) {
    if (step.workdir !== undefined) {
      stage.workdir = step.workdir
      mkdirSync(join(stage.root, stage.workdir), { recursive: true })
    } else if (step.copy !== undefined) {
      copy(stage, step.copy)
    } else {
      console.log(`   # ${stage.name ?? 'image'}: ${step.run}`)
      const done = spawnSync('sh', ['-c', step.run], {
        cwd: join(stage.root, stage.workdir),
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...buildEnvironment(), ...stage.env, PATH: [bin, process.env.PATH].join(delimiter) }
      })
      if (done.status !== 0) throw new Error(`RUN ${step.run}\n${done.stdout}${done.stderr}`)
    }
  }
}

function copy (stage, { from, sources, target }) {
  const context = readDockerignore(readFileSync(join(root, '.dockerignore'), 'utf8'))
  for (const source of sources) {
    if (from === undefined && !context.includes(source)) throw new Error(`COPY ${source}: .dockerignore leaves it out`)
    const path = from === undefined ? join(root, source) : join(scratch, from, source)
    // Docker's rule: a target that ends in a slash is a folder to put files into; a folder's content goes into the target.
    const into = join(stage.root, stage.workdir, target)
    const folder = statSync(path).isDirectory()
    cpSync(path, target.endsWith('/') && !folder ? join(into, basename(source)) : into, { recursive: true, verbatimSymlinks: true })
  }
}

/** What a machine needs to reach its registry, and nothing that the npm around this script has set. */
function buildEnvironment () {
  const kept = Object.entries(process.env).filter(([name]) => !/^npm_|^NODE_ENV$|^NODE_OPTIONS$|^INIT_CWD$/i.test(name) || /^npm_config_(registry|cafile|.*proxy)$/i.test(name))
  return Object.fromEntries(kept)
}

async function start (image) {
  const app = join(image.root, image.workdir)
  mkdirSync(join(app, 'config'))
  writeFileSync(join(app, 'config/gateway.yaml'), GATEWAY)
  writeFileSync(join(app, 'routes.yaml'), ROUTES)
  spawnSync('chmod', ['-R', 'a-w,a+rX', image.root])

  const [uid, gid] = image.user.split(':').map(Number)
  const options = {
    cwd: app,
    // Only root can become somebody else; without, the folder is read-only all the same.
    ...(isRoot ? { uid, gid } : {}),
    env: { ...image.env, PATH: join(image.root, 'usr/local/bin'), HOME: '/nonexistent', ADMIN_PORT: String(await freePort()) }
  }
  const version = spawnSync(image.entrypoint[0], [...image.entrypoint.slice(1), '--version'], { ...options, encoding: 'utf8' })
  expect(`--version says ${project.version}`, version.stdout?.trim() === project.version)

  const [command, ...args] = [...image.entrypoint, ...image.command]
  // Node's permission model refuses any write, wherever: a read-only root file system, and /tmp with it.
  const readOnly = { ...options.env, NODE_OPTIONS: '--permission --allow-fs-read=*' }
  const gateway = spawn(command, args, { ...options, env: readOnly, stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = new Promise(resolve => gateway.once('exit', (code, signal) => resolve(code ?? signal)))
  let log = ''
  gateway.stdout.on('data', chunk => { log += chunk })
  gateway.stderr.on('data', chunk => { log += chunk })

  const healthy = await eventually(() => {
    return spawnSync(image.healthcheck[0], image.healthcheck.slice(1), options).status === 0
  }, () => gateway.exitCode !== null)
  expect(`HEALTHCHECK passes, as ${isRoot ? `user ${image.user}` : 'this user'} and with nothing to write to`, healthy)

  // What it has written is read between two of these looks.
  await eventually(() => listeningLine(log) !== undefined, () => gateway.exitCode !== null)
  const listening = listeningLine(log)
  const status = listening === undefined ? undefined : await fetch(`${JSON.parse(listening).data}/status`).then(answer => answer.status, error => error.message)
  expect(`the data port answers for an ERP that is not there: 502, got ${status}`, status === 502)

  const page = await fetch(`http://127.0.0.1:${options.env.ADMIN_PORT}/`).then(answer => answer.text(), error => error.message)
  expect('the console is at / of the admin port, with its script', /<script type="module"[^>]* src="\.\/assets\//.test(page))

  gateway.kill('SIGTERM')
  const code = await Promise.race([ended, sleep(40_000, 'no end', { ref: false })])
  expect(`SIGTERM ends it with status 0, got ${code}`, code === 0)
  if (code === 'no end') gateway.kill('SIGKILL')
  if (count.failed > 0) console.log(log.split('\n').slice(-30).map(line => `   | ${line}`).join('\n'))
  const sick = spawnSync(image.healthcheck[0], image.healthcheck.slice(1), options).status
  expect('HEALTHCHECK fails once it is gone', sick === 1)
}

/** The IdP: the one part that needs what the gateway's image leaves out. */
async function startDemoPart (image) {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const [command, ...args] = [...image.entrypoint, '--only', 'idp', '--idp-port', String(port), '--saas-url', 'http://127.0.0.1:1']
  expect('the user of the demo is a number, not root', /^[1-9]\d*:[1-9]\d*$/.test(image.user))
  spawnSync('chmod', ['-R', 'a-w,a+rX', image.root])
  const [uid, gid] = image.user.split(':').map(Number)
  const idp = spawn(command, args, {
    cwd: join(image.root, image.workdir),
    ...(isRoot ? { uid, gid } : {}),
    env: { ...image.env, PATH: join(image.root, 'usr/local/bin'), HOME: '/nonexistent', NODE_OPTIONS: '--permission --allow-fs-read=*' },
    stdio: ['ignore', 'ignore', 'inherit']
  })
  const ended = new Promise(resolve => idp.once('exit', (code, signal) => resolve(code ?? signal)))
  let issuer
  const deadline = Date.now() + 30_000
  while (issuer === undefined && Date.now() < deadline && idp.exitCode === null) {
    issuer = await fetch(`${url}/.well-known/openid-configuration`).then(answer => answer.json()).then(found => found.issuer, () => undefined)
    if (issuer === undefined) await sleep(200)
  }
  expect(`the target demo has the IdP, with nothing to write to: its issuer is ${url}, got ${issuer}`, issuer === url)
  idp.kill('SIGTERM')
  const code = await Promise.race([ended, sleep(10_000, 'no end', { ref: false })])
  expect(`SIGTERM ends it with status 0, got ${code}`, code === 0)
  if (code === 'no end') idp.kill('SIGKILL')
}

function listeningLine (log) {
  return log.split('\n').find(line => line.includes('"msg":"listening"'))
}

async function eventually (holds, hopeless) {
  const deadline = Date.now() + 30_000
  while (Date.now() < deadline && !hopeless()) {
    if (holds()) return true
    await sleep(200)
  }
  return false
}

async function freePort () {
  const server = createServer()
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address()
  await new Promise(resolve => server.close(resolve))
  return port
}

function bytesIn (folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath ?? entry.path, entry.name)).size, 0)
}

function expect (what, holds) {
  count[holds ? 'passed' : 'failed'] += 1
  console.log(`${holds ? 'ok' : 'not ok'} - ${what.trim()}`)
}
