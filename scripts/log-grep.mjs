// Looks for the suite's secrets in everything that its gateways logged.
//
//   node scripts/log-grep.mjs <folder>
//
// Files that end in `.secrets` hold one secret (or spelling of one) per line, all others are logs.
// What looks like a JWT is a find, too, listed or not. No secret is ever printed.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

// Shorter ones occur by chance.
const SHORTEST = 8
// The end of a token is its signature: what makes it a credential. It is also all that a long pattern needs.
const LONGEST = 32
// A header and a payload.
const ANY_JWT = 'eyJ[A-Za-z0-9_-]{10,}\\.eyJ'

/** `{ files, secrets, short, found }`: numbers, and a list of `{ file, line, form }` with the form it was found in. */
export function grepLogs (folder) {
  const all = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath ?? entry.path, entry.name))
  const logs = all.filter(file => !file.endsWith('.secrets'))
  const secrets = new Set(all.filter(file => file.endsWith('.secrets'))
    .flatMap(file => readFileSync(file, 'utf8').split('\n'))
    .filter(secret => secret !== ''))
  const long = [...secrets].filter(secret => secret.length >= SHORTEST)
  const counts = { files: logs.length, secrets: secrets.size, short: secrets.size - long.length }
  if (logs.length === 0) return { ...counts, found: [] }

  // Forms that are spelled alike go by the plainest name: the first.
  const patterns = new Map(long.flatMap(secret => [...forms(secret)]).reverse())
  const jwts = grep(['-E', ANY_JWT], logs).map(({ file, line }) => ({ file, line, form: 'a JWT' }))
  return { ...counts, found: [...jwts, ...search(logs, patterns)] }
}

function * forms (secret) {
  const end = secret.slice(-LONGEST)
  yield [end, 'as it is']
  yield [JSON.stringify(end).slice(1, -1), 'in JSON']
  yield [encodeURIComponent(end), 'URL-encoded']
  yield [encodeURIComponent(end).replaceAll('%20', '+'), 'form-encoded']
  for (const encoding of ['base64', 'base64url']) {
    // Inside `user:secret` the secret starts at any of three places of a base64 quantum.
    for (const ahead of [0, 1, 2]) {
      const bytes = Buffer.concat([Buffer.alloc(ahead), Buffer.from(end)])
      yield [bytes.toString(encoding).slice(Math.ceil(ahead * 8 / 6), Math.floor(bytes.length * 8 / 6)), encoding]
    }
  }
}

function search (logs, patterns) {
  // grep looks for ten thousand strings at once.
  const scratch = mkdtempSync(join(tmpdir(), 'countersign-grep-'))
  try {
    writeFileSync(join(scratch, 'patterns'), [...patterns.keys()].join('\n'), { mode: 0o600 })
    return grep(['-F', '-f', join(scratch, 'patterns')], logs)
      .map(({ file, line, match }) => ({ file, line, form: patterns.get(match) ?? 'in some form' }))
  } finally {
    rmSync(scratch, { recursive: true })
  }
}

function grep (pattern, logs) {
  // -a: a log is text; -o: what matched, only; -Z: the file name ends in a zero byte.
  const args = ['-aonHZ', '-m', '5', ...pattern, '--', ...logs]
  const done = spawnSync('grep', args, { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' }, maxBuffer: 1024 ** 3 })
  if (done.error !== undefined || done.status === null || done.status > 1) {
    throw new Error(`grep failed: ${done.error?.message ?? done.stderr}`)
  }
  return [...done.stdout.matchAll(/^([^\0\n]+)\0(\d+):(.*)$/gm)]
    .map(([, file, line, match]) => ({ file, line: Number(line), match }))
}

/** Prints the result; gives the number of failed checks. */
export function reportGrep ({ files, secrets, short, found }) {
  for (const { file, line, form } of found.slice(0, 20)) console.log(`log grep: ${file}:${line} holds a secret, ${form}`)
  if (short > 0) console.log(`log grep: ${short} secrets are shorter than ${SHORTEST} characters, too short to look for`)
  console.log(`log grep: ${files} files, ${secrets} secrets, ${found.length} found`)
  return (found.length > 0 ? 1 : 0) + (short > 0 ? 1 : 0)
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  process.exitCode = reportGrep(grepLogs(process.argv[2] ?? '.')) > 0 ? 1 : 0
}
