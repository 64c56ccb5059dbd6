import { isObject } from '../config/objects.ts'

/** The value that a $ref within the document names; undefined where there is none, or it names another document. */
export function resolveRef (document: Record<string, unknown>, ref: unknown): unknown {
  if (typeof ref !== 'string' || !ref.startsWith('#/')) return undefined
  let value: unknown = document
  for (const part of ref.slice(2).split('/')) {
    const name = unescaped(part)
    if (!(isObject(value) || Array.isArray(value)) || !Object.hasOwn(value, name)) return undefined
    value = Reflect.get(value, name)
  }
  return value
}

// RFC 6901 within the fragment of a URI.
function unescaped (part: string): string {
  try {
    return decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~')
  } catch {
    return part
  }
}
