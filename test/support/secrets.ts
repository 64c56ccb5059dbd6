import { AssertionError } from 'node:assert'
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'

/** What must never be logged: every spelling of every secret of this process → what it is. */
const needles = new Map<string, string>()
const registered = new Set<string>()

/** Two neighbouring parts of any JWT, registered or not, whole or cut off. */
const anyJwt = /eyJ[\w-]{10,}\.eyJ/

/**
 * Notes a secret that no log may show, and gives it back. The identity provider's stand-in does
 * this for its client secrets and for every token that it makes or signs; do it by hand for others
 * (passwords, API keys).
 *
 * Suite-wide: with COUNTERSIGN_TEST_LOG_DIR set, each process appends every spelling to
 * `<dir>/<pid>.secrets`, one per line, and each gateway its log to `<dir>/<pid>-<n>.log`. At the
 * end nothing in any *.log may match any line of any *.secrets, nor any JWT at all:
 * `cat *.secrets | grep -F -f - *.log` and `grep -E 'eyJ[A-Za-z0-9_-]{10,}\.eyJ' *.log`
 * must both find nothing.
 */
export function registerSecret (secret: string, name = 'a secret'): string {
  // A short secret (`s3cret`) would be found in innocent words.
  if (secret.length < 8) throw new Error('secrets in tests want 8 characters or more, to be told from other words')
  if (registered.has(secret)) return secret
  registered.add(secret)
  const fresh = spellings(secret).filter(needle => !needles.has(needle))
  for (const needle of fresh) needles.set(needle, name)
  shareWithSuite(fresh)
  return secret
}

/** Throws when a secret of this process occurs in the log: as it is, in JSON, percent-encoded, in base64. */
export function assertNoSecrets (log: string, secrets?: Iterable<string>): void {
  const wanted = secrets === undefined ? needles : new Map([...secrets].flatMap(spellings).map(needle => [needle, 'a secret']))
  // Thousands of tokens are looked for in the long words only, which is a small part of a log.
  const longWords = [...new Set(log.match(/[\w+/=-]{20,}/g))].join('\n')
  for (const [needle, name] of wanted) {
    const haystack = /^[\w+/=-]{20,}$/.test(needle) ? longWords : log
    if (haystack.includes(needle)) throw leak(log, log.indexOf(needle), name)
  }
  const jwt = anyJwt.exec(log)
  if (jwt !== null) throw leak(log, jwt.index, 'a JWT')
}

/** The ways a secret may be spelled in a log line. */
function spellings (secret: string): string[] {
  const long = secret.split('.').filter(part => part.length >= 20)
  // A JWT is known by its payload and its signature: shorter to look for, and a part is a leak too.
  const jwt = secret.startsWith('eyJ') && long.length > 1
  const forms = jwt
    ? [...long.slice(1), ...base64Windows(long.at(-1) ?? secret)]
    : [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret), formEncode(secret), ...base64Windows(secret), ...base64Windows(formEncode(secret))]
  return [...new Set(forms)].filter(form => form.length >= 8)
}

/** As RFC 6749 appendix B and section 2.3.1 have it for client_secret_basic, to the letter. */
export function formEncode (text: string): string {
  return encodeURIComponent(text)
    .replace(/[-_.!~*'()]/g, char => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
    .replace(/%20/g, '+')
}

/** What base64 makes of the text wherever it stands in a longer one (`Bearer <secret>`): three alignments. */
function base64Windows (text: string): string[] {
  const bytes = Buffer.from(text)
  return [0, 1, 2].flatMap(before => {
    const encoded = Buffer.concat([Buffer.alloc(before), bytes])
    const certain = [Math.ceil(before * 8 / 6), Math.floor(encoded.length * 8 / 6)] as const
    return [encoded.toString('base64').slice(...certain), encoded.toString('base64url').slice(...certain)]
  })
}

function leak (log: string, at: number, name: string): AssertionError {
  const line = log.slice(0, Math.max(at, 0)).split('\n').length
  return new AssertionError({ message: `the log shows ${name}, in line ${line} at character ${at}` })
}

function shareWithSuite (fresh: readonly string[]): void {
  const dir = process.env['COUNTERSIGN_TEST_LOG_DIR']
  const lines = fresh.filter(needle => !needle.includes('\n'))
  if (dir === undefined || lines.length === 0) return
  appendFileSync(join(dir, `${process.pid}.secrets`), lines.map(line => `${line}\n`).join(''))
}
