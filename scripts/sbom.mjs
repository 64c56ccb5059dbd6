// The bill of materials of what ships (CycloneDX, JSON), for a release: npm run --silent sbom > countersign.cdx.json
//
// `npm sbom --omit dev` leaves out whatever a tool of the tests wants, too, be it a package of the gateway's own: zod,
// yaml. So npm is asked about a folder in which there are no tools.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const project = join(dirname(fileURLToPath(import.meta.url)), '..')
const { devDependencies, optionalDependencies, scripts, ...described } = read('package.json')
const lock = read('package-lock.json')
const packages = Object.entries(lock.packages).filter(([path, { dev, optional, devOptional }]) => path !== '' && !dev && !optional && !devOptional)

const scratch = mkdtempSync(join(tmpdir(), 'countersign-sbom-'))
try {
  // npm calls the whole after its folder.
  const folder = join(scratch, described.name)
  mkdirSync(folder)
  write('package.json', described)
  write('package-lock.json', { ...lock, packages: { '': described, ...Object.fromEntries(packages) } })
  const { status } = spawnSync('npm', ['sbom', '--package-lock-only', '--sbom-format=cyclonedx', '--sbom-type=application'], { cwd: folder, stdio: 'inherit' })
  process.exitCode = status ?? 1

  function write (file, content) {
    writeFileSync(join(folder, file), JSON.stringify(content))
  }
} finally {
  rmSync(scratch, { recursive: true })
}

function read (file) {
  return JSON.parse(readFileSync(join(project, file), 'utf8'))
}
