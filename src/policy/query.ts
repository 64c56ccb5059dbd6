import { refuse, type Refusal } from './problems.ts'

/** What may not stand in a query; names in lower case. */
export interface QueryNames {
  readonly refused: readonly string[]
  /** those that make another method of a request */
  readonly overrides: readonly string[]
}

/** @throws {Refusal} query-refused, method-override */
export type QueryCheck = (query: string) => void

// Such a name reads the same however often it is decoded.
const PLAIN = /^[A-Za-z0-9$@._~!*'(),:/-]*$/
const VISIBLE = /^[\x21-\x7e]*$/

/**
 * The check of a query, by the names of its parameters as an ERP may read them: separated by `&` or `;`, form-decoded
 * once or twice, whatever their case, `name[…]` as `name`. What is in a value is nobody's name. Undefined where nothing is
 * refused: then a query may be of any shape.
 */
export function compileQueryCheck ({ refused, overrides }: QueryNames): QueryCheck | undefined {
  if (refused.length === 0 && overrides.length === 0) return undefined
  const names = new Set(refused)
  const methods = new Set(overrides)

  function assertName (name: string): void {
    if (methods.has(name)) throw refuse('method-override', 'Send the method that is meant; overrides are not accepted.', { saw: name })
    if (names.has(name)) throw refuse('query-refused', `The query parameter ${name} is not accepted here.`, { saw: name })
  }

  return query => {
    // Without its `?`.
    for (let from = 1; from < query.length;) {
      const to = endOf(query, from)
      const equals = query.indexOf('=', from)
      const name = query.slice(from, equals === -1 || equals > to ? to : equals)
      if (PLAIN.test(name)) assertName(name.toLowerCase())
      else readingsOf(name).forEach(assertName)
      from = to + 1
    }
  }
}

function endOf (query: string, from: number): number {
  for (let at = from; at < query.length; at++) if (query[at] === '&' || query[at] === ';') return at
  return query.length
}

/** All names that a parser may take this one for, in lower case. */
function readingsOf (name: string): string[] {
  if (!VISIBLE.test(name)) throw malformed()
  const once = formDecoded(name)
  // The second time it need not be an encoding any more: a name may have a plain % or + in it.
  const twice = once === undefined ? undefined : formDecoded(once) ?? once
  if (once === undefined || twice === undefined) throw malformed()
  // Decoded before it is taken apart, one name may turn into several, and into a value.
  return [name, once, twice].flatMap(reading => reading.split(/[?&;=]/)).map(folded)
}

function folded (name: string): string {
  // ſ and K are S and K to who folds by another table; what is not seen when printed is dropped by some.
  const plain = name.normalize('NFKC').replace(/[\s\p{C}\p{Default_Ignorable_Code_Point}]/gu, '').toUpperCase().toLowerCase()
  const bracket = plain.indexOf('[')
  return bracket === -1 ? plain : plain.slice(0, bracket)
}

function formDecoded (text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return undefined
  }
}

function malformed (): Refusal {
  return refuse('query-refused', 'The name of a query parameter is malformed.', { saw: 'a malformed name' })
}
