import { encodeSegment, MatchError, parsePattern } from '../policy/pattern.ts'

/** A path of a description as a rule has it, or why no rule can. */
export type Pattern = { readonly path: string } | { readonly problem: string, /** what would match it, and more */ readonly wider?: string }

const IS_PARAMETER = /^\{([^{}]+)\}$/

/** /pets/{petId} as /pets/:petId. */
export function patternOf (template: string): Pattern {
  const mark = /[?#]/.exec(template)?.[0]
  if (mark !== undefined) return { problem: `${mark} and what stands behind it is no part of a path` }
  const names = new Set<string>()
  const parts = template.slice(1).split('/')
  const segments = parts.map((part, at) => segmentOf(part, at === parts.length - 1, names))
  const path = `/${segments.map(({ text }) => text).join('/')}`
  const problem = segments.find(one => one.problem !== undefined)?.problem ?? whyNoPattern(path)
  if (problem === undefined) return { path }
  return whyNoPattern(path) === undefined ? { problem, wider: path } : { problem }
}

/** A path that an operation's template is for, with the sample in the place of each parameter. */
export function requestPath (template: string, sample: string): string {
  const path = template.replace(/[?#][^]*$/, '')
  return path.split('/').map(part => part.split(/\{[^{}]*\}/).map(encoded).join(sample)).join('/')
}

function segmentOf (part: string, isLast: boolean, names: Set<string>): { text: string, problem?: string } {
  if (!/[{}]/.test(part)) return { text: literal(part) }
  const [, name] = IS_PARAMETER.exec(part) ?? []
  if (name === undefined) return partly(part, names)
  // {proxy+}, {+path} and {path*} are everything below, to those who write them.
  if (!/^[+*]|[+*]$/.test(name)) return { text: parameter(name, names) }
  return isLast ? { text: '*' } : { text: parameter(name, names), problem: `${part} is more than one segment, and not the last` }
}

// Orders({id}) is a key, as OData has it; any other parameter is a whole segment.
function partly (part: string, names: Set<string>): { text: string, problem?: string } {
  const [, head, name, tail] = /^([^{}]+)\{([^{}]+)\}([^{}]+)$/.exec(part) ?? []
  if (head?.includes('(') === true && name !== undefined && tail !== undefined) {
    const text = `${literal(head)}:${parameterName(name)}${literal(tail)}`
    if (whyNoPattern(`/${text}`) === undefined) return { text: `${literal(head)}${parameter(name, names)}${literal(tail)}` }
  }
  return { text: parameter(part, names), problem: `a parameter is a whole segment, and ${part} is not` }
}

function parameter (name: string, names: Set<string>): string {
  const plain = parameterName(name)
  let unique = plain
  for (let count = 2; names.has(unique); count++) unique = `${plain}_${count}`
  names.add(unique)
  return `:${unique}`
}

function parameterName (name: string): string {
  const plain = name.replace(/[^A-Za-z0-9_]+/g, '_').replace(/^_+(?=[^_])|(?<=[^_])_+$/g, '')
  return /^[A-Za-z_]/.test(plain) ? plain : `p${plain}`
}

// Neither a parameter nor * may come of what is a letter there.
function literal (part: string): string {
  return encoded(part).replaceAll('*', '%2A').replaceAll(':', (colon, at: number) => at === 0 || part.includes('(') ? '%3A' : colon)
}

function encoded (part: string): string {
  try {
    return encodeSegment(decodeURIComponent(part))
  } catch {
    return part
  }
}

function whyNoPattern (path: string): string | undefined {
  try {
    parsePattern(path)
    return undefined
  } catch (error) {
    if (error instanceof MatchError) return error.message
    throw error
  }
}
