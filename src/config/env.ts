import type { Path } from './mistakes.ts'
import { isObject } from './objects.ts'

const REFERENCE = /\$?\$\{([^}]*)\}?/g
const NAME_AND_DEFAULT = /^([A-Za-z_][A-Za-z0-9_]*)(?::-([^]*))?$/

/** Something that a reference to the environment lacks. */
export interface Missing {
  readonly path: Path
  readonly message: string
  /** whether no environment could help: it is written wrongly */
  readonly malformed: boolean
}

/**
 * Replaces `${NAME}` and `${NAME:-default}` within every string of plain data; `$${` is a plain `${`.
 * Values only: a key is never replaced, a replacement is not looked at again, and text stays text, so that a value of
 * the environment cannot change the structure. An empty variable counts as absent where there is a default.
 */
export function fromEnvironment (value: unknown, env: NodeJS.ProcessEnv, path: Path = []): { value: unknown, missing: Missing[] } {
  const missing: Missing[] = []
  return { value: walk(value, path), missing }

  function walk (part: unknown, at: Path): unknown {
    if (typeof part === 'string') return replace(part, at)
    if (Array.isArray(part)) return part.map((item, index) => walk(item, [...at, index]))
    if (isObject(part)) return Object.fromEntries(Object.entries(part).map(([key, item]) => [key, walk(item, [...at, key])]))
    return part
  }

  function replace (text: string, at: Path): string {
    return text.replace(REFERENCE, (whole, inner: string) => {
      if (whole.startsWith('$$')) return whole.slice(1)
      const [, name, fallback] = whole.endsWith('}') ? NAME_AND_DEFAULT.exec(inner) ?? [] : []
      if (name === undefined) {
        missing.push({ path: at, message: 'write ${NAME} or ${NAME:-default}; a plain ${ is written $${', malformed: true })
        return ''
      }
      const found = Object.hasOwn(env, name) ? env[name] : undefined
      if (fallback !== undefined) return found === undefined || found === '' ? fallback : found
      if (found === undefined) missing.push({ path: at, message: `the environment has no ${name}`, malformed: false })
      return found ?? ''
    })
  }
}

/** Places in plain data that look like a reference to the environment. */
export function referencesIn (value: unknown): Path[] {
  const found: Path[] = []
  const path: PropertyKey[] = []
  look(value)
  return found

  function look (part: unknown): void {
    if (typeof part === 'string') {
      if (part.includes('${')) found.push([...path])
    } else if (Array.isArray(part)) part.forEach((item, at) => { within(item, at) })
    else if (isObject(part)) for (const key of Object.keys(part)) within(part[key], key)
  }

  function within (part: unknown, name: PropertyKey): void {
    path.push(name)
    look(part)
    path.pop()
  }
}
