import { execFileSync, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { tempDir } from '../support/files.ts'
import { tearDown, type TestContext } from '../support/teardown.ts'

const BINARY = '/usr/bin/glewlwyd'
const MODULES = '/usr/lib/glewlwyd'
// Beside the package's documentation, which slim images leave out, only dbconfig's folder has the tables.
const TABLES = '/usr/share/dbconfig-common/data/glewlwyd/install/sqlite3'

// The package fails to install without the first line (it wants a database), and on slim images without the second.
const INSTALL = `glewlwyd is not installed, and without it nothing here is proved. On Debian, as root:
  echo 'glewlwyd glewlwyd/config_type select No configuration' | debconf-set-selections
  mkdir -p /etc/glewlwyd && touch /etc/glewlwyd/glewlwyd.conf
  apt-get install -y --no-install-recommends glewlwyd dbconfig-no-thanks`

/** Runs Glewlwyd on empty tables, and gives its port on 127.0.0.1 once it answers. Throws, with its log, where it does not. */
export async function runGlewlwyd (t: TestContext): Promise<number> {
  if (![BINARY, TABLES].every(existsSync)) throw new Error(INSTALL)

  const folder = await tempDir(t)
  const database = join(folder, 'glewlwyd.db')
  execFileSync('sqlite3', [database], { input: `BEGIN;\n${readFileSync(TABLES, 'utf8')}\nCOMMIT;` })
  const port = await freePort()
  const config = join(folder, 'glewlwyd.conf')
  writeFileSync(config, configuration(port, database))

  const child = spawn(BINARY, ['--config-file', config], { stdio: ['ignore', 'pipe', 'pipe'] })
  let log = ''
  child.stdout.on('data', chunk => { log += chunk })
  child.stderr.on('data', chunk => { log += chunk })
  const exited = once(child, 'exit')
  const kill = (): void => { child.kill('SIGKILL') }
  process.once('exit', kill)
  tearDown(t, async () => {
    process.off('exit', kill)
    child.kill('SIGTERM')
    await Promise.race([exited, sleep(5_000, undefined, { ref: false })])
    child.kill('SIGKILL')
    await exited
  })

  const deadline = Date.now() + 20_000
  while (!await answers(`http://127.0.0.1:${port}/config`)) {
    if (child.exitCode !== null || Date.now() > deadline) throw new Error(`glewlwyd did not start:\n${log}`)
    await sleep(20)
  }
  return port
}

function configuration (port: number, database: string): string {
  return `
    port = ${port}
    bind_address = "127.0.0.1"
    external_url = "http://127.0.0.1:${port}"
    login_url = "login.html"
    api_prefix = "api"
    log_mode = "console"
    log_level = "WARNING"
    cookie_secure = 0
    session_key = "GLEWLWYD2_SESSION_ID"
    admin_scope = "g_admin"
    profile_scope = "g_profile"
    user_module_path = "${MODULES}/user"
    client_module_path = "${MODULES}/client"
    user_auth_scheme_module_path = "${MODULES}/scheme"
    plugin_module_path = "${MODULES}/plugin"
    hash_algorithm = "SHA512"
    database = { type = "sqlite3"; path = "${database}" };
  `
}

async function answers (url: string): Promise<boolean> {
  return fetch(url).then(response => response.ok, () => false)
}

/** Below the range that the system hands out, or another test's socket could take the port before glewlwyd has it. */
async function freePort (): Promise<number> {
  const port = randomInt(20_000, 32_000)
  const server = createServer().listen(port, '127.0.0.1')
  const free = await once(server, 'listening').then(() => true, () => false)
  if (!free) return freePort()

  server.close()
  await once(server, 'close')
  return port
}
