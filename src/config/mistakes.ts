/** One thing that is wrong, or worth a look, in one of the two files. */
export interface Mistake {
  /** the file's path as it was given on the command line */
  readonly file: string
  /** from 1 */
  readonly line: number
  /** from 1 */
  readonly column: number
  /** where in the document, like `routes[1].require`; empty for the document itself */
  readonly path: string
  readonly message: string
  readonly severity: 'error' | 'warning'
}

export type Path = readonly PropertyKey[]

/** What a report may say beside its message. */
export interface ReportOptions {
  readonly severity?: 'error' | 'warning'
  /** point at the key rather than at its value */
  readonly on?: 'key' | 'value'
}

export type Report = (path: Path, message: string, options?: ReportOptions) => void

// More than anybody reads; what comes after it is mostly caused by what came before.
const MISTAKES_SHOWN = 100

/** One line: `routes.yaml:12:15 routes[1].require: …`. */
export function formatMistake ({ file, line, column, path, message, severity }: Mistake): string {
  const where = path === '' ? '' : `${path}: `
  return `${file}:${line}:${column} ${severity === 'warning' ? 'warning: ' : ''}${where}${message}`
}

/** In reading order, each said once. */
export function sortMistakes (mistakes: readonly Mistake[]): Mistake[] {
  const sorted = mistakes.toSorted((a, b) => a.line - b.line || a.column - b.column)
  const once = [...new Map(sorted.map(one => [formatMistake(one), one])).values()]
  const last = once[MISTAKES_SHOWN]
  if (last === undefined) return once
  const more = once.length - MISTAKES_SHOWN
  return [...once.slice(0, MISTAKES_SHOWN), { ...last, path: '', message: `and ${more} more`, severity: severest(once.slice(MISTAKES_SHOWN)) }]
}

/** `routes[1].headers.set["x y"]` */
export function formatPath (path: Path): string {
  return path.map((part, at) => {
    if (typeof part === 'number') return `[${part}]`
    const name = String(part)
    if (!/^[\w|-]+$/.test(name)) return `[${JSON.stringify(name)}]`
    return at === 0 ? name : `.${name}`
  }).join('')
}

/** True when `path` is `area` or lies within it. */
export function isWithin (path: Path, area: Path): boolean {
  return area.every((part, at) => path[at] === part)
}

function severest (mistakes: readonly Mistake[]): Mistake['severity'] {
  return mistakes.some(({ severity }) => severity === 'error') ? 'error' : 'warning'
}
