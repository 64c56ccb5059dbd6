import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { loadCases } from '../config/load-cases.ts'
import { loadConfiguration, type Mistake } from '../config/load.ts'
import { sortMistakes } from '../config/mistakes.ts'
import { watchFiles } from '../config/watch.ts'
import { openFiles } from '../file-world.ts'
import { checkCases } from '../rehearsal/check-cases.ts'
import { checksOf } from '../rehearsal/checks.ts'
import { junitText } from '../rehearsal/junit.ts'
import { rehearse, type Rehearsal } from '../rehearsal/rehearse.ts'
import { tapText } from '../rehearsal/tap.ts'
import { report } from './check.ts'
import { CommandError } from './failure.ts'
import { rehearsalText } from './rehearsal-text.ts'
import type { TestOptions } from './test.ts'

export interface TestFiles {
  readonly config: string
  readonly routes: string
  readonly cases: string
}

export interface Tried {
  /** absent where any of the three files has a mistake */
  readonly rehearsal?: Rehearsal
  readonly mistakes: readonly Mistake[]
  /** absolute paths of all that was read */
  readonly read: readonly string[]
}

/** Reads the three files, and tries the policy out if they are good. */
export async function tryOut ({ config, routes, cases }: TestFiles): Promise<Tried> {
  // A secret that is not here is no matter: nothing is sent.
  const loaded = await loadConfiguration({ config, routes }, process.env, { secrets: 'optional' })
  const { file, source } = await loadCases(cases)
  const { configuration } = loaded
  if (file !== undefined && configuration !== undefined) checkCases(file, source, configuration)
  const mistakes = [...loaded.mistakes, ...sortMistakes(source.mistakes)]
  const read = [...loaded.read, resolve(cases)]
  if (file === undefined || configuration === undefined || source.mistakes.length > 0) return { mistakes, read }
  const places = source.linesOf(['cases']).map(line => `${cases}:${line}`)
  return { rehearsal: await rehearse(configuration, { cases: file, places, open: openFiles, now: Date.now() }), mistakes, read }
}

/** Tries once and prints. @returns the exit status */
export async function tryOnce (files: TestFiles, options: TestOptions): Promise<number> {
  return await print(await tryOut(files), options)
}

/** Tries again whenever one of the files changes. Never resolves: Ctrl-C ends it. */
export async function keepTrying (files: TestFiles, options: TestOptions): Promise<never> {
  let underWay: Promise<void> = Promise.resolve()
  const watch = watchFiles(() => { underWay = underWay.then(again) })
  const named = [files.config, files.routes, files.cases]
  let read = named.map(file => resolve(file))

  async function again (): Promise<void> {
    // As they are before they are read: what is written from here on is another change.
    await watch.look(read)
    const tried = await tryOut(files)
    if (tried.read.join('\n') !== read.join('\n')) {
      read = [...tried.read]
      await watch.look(read)
    }
    await print(tried, options)
    console.log(`\n${new Date().toLocaleTimeString()}  waiting for a change of ${named.join(', ')} (Ctrl-C ends)\n`)
  }

  await again()
  // What waits for changes keeps no process alive.
  return await new Promise(() => { setInterval(() => {}, 2 ** 30) })
}

async function print ({ rehearsal, mistakes }: Tried, { json, tap, junit, color }: TestOptions): Promise<number> {
  if (rehearsal === undefined) {
    if (json === true) console.log(JSON.stringify({ ok: false, mistakes }, undefined, 2))
    report(mistakes, undefined)
    return 2
  }
  const checks = checksOf(rehearsal)
  if (typeof junit === 'string') await write(junit, junitText(checks))
  if (json === true) console.log(JSON.stringify({ ...rehearsal, mistakes }, undefined, 2))
  else if (tap === true) console.log(tapText(checks))
  else if (junit === true) process.stdout.write(junitText(checks))
  else console.log(rehearsalText(rehearsal, { color: color && process.stdout.isTTY && process.env.NO_COLOR === undefined, width: Math.max(80, Math.min(160, process.stdout.columns ?? 100)) }))
  return rehearsal.ok ? 0 : 1
}

async function write (file: string, text: string): Promise<void> {
  try {
    await writeFile(resolve(file), text)
  } catch {
    throw new CommandError(`${file} cannot be written`)
  }
}
