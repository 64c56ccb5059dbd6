import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { assertNoSecrets } from './secrets.ts'
import { tearDown, type TestContext } from './teardown.ts'

/** All that one gateway logs, in memory (and for the whole suite's grep in a file: see secrets.ts). */
export interface GatewayLog {
  readonly stream: Writable
  readonly text: string
  /** Its JSON lines, parsed; a line that is no JSON object is left out. */
  lines (): Array<Record<string, unknown>>
}

let count = 0

/**
 * Collects a log and, when the test is over, fails it if the log shows any secret of this process.
 * Create it before the gateway starts, so that the check runs after the gateway has closed.
 * @param searched false for output that is meant to show tokens (the demo's curl lines).
 */
export function collectLog (t: TestContext, searched = true): GatewayLog {
  const chunks: string[] = []
  const dir = searched ? process.env['COUNTERSIGN_TEST_LOG_DIR'] : undefined
  const file = dir === undefined ? undefined : join(dir, `${process.pid}-${++count}.log`)
  const stream = new Writable({
    decodeStrings: false,
    write (chunk: string | Buffer, _encoding, done) {
      const text = chunk.toString()
      chunks.push(text)
      if (file !== undefined) appendFileSync(file, text)
      done()
    }
  })
  const log = {
    stream,
    get text () { return chunks.join('') },
    lines: () => log.text.split('\n').map(parseLine).filter(line => line !== undefined)
  }
  if (searched) tearDown(t, () => { assertNoSecrets(log.text) })
  return log
}

function parseLine (line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined
  try {
    // A JSON text that starts with a brace is an object.
    return JSON.parse(line) as Record<string, unknown>
  } catch {
    return undefined
  }
}
