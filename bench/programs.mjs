import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const wanted = { wrk: '/usr/bin/wrk', nginx: '/usr/sbin/nginx', haproxy: '/usr/sbin/haproxy', apache2: '/usr/sbin/apache2', 'libapache2-mod-auth-openidc': '/usr/lib/apache2/modules/mod_auth_openidc.so' }

/** Installs what is missing: programs from Debian's packages, npm peers from the package.json beside this file. */
export function needPrograms (names) {
  const missing = Object.entries(wanted).filter(([, path]) => !existsSync(path)).map(([name]) => name)
  if (missing.length > 0) {
    console.log(`installing ${missing.join(' ')} …`)
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }
    execFileSync('apt-get', ['update', '-qq'], { stdio: 'ignore', env })
    execFileSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...missing], { stdio: 'ignore', env })
  }
  if (!existsSync(join(here, 'node_modules'))) execFileSync('npm', ['ci', '--no-fund', '--no-audit'], { cwd: here, stdio: 'inherit' })
}
