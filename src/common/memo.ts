/** A Map, or a WeakMap. */
interface Known<K, V> {
  get (key: K): V | undefined
  set (key: K, value: V): unknown
}

/** What a map has under a key, made and put there when it is first asked for. */
export function within<K, V> (map: Known<K, V>, key: K, make: (key: K) => V): V {
  const known = map.get(key)
  if (known !== undefined) return known
  const made = make(key)
  map.set(key, made)
  return made
}

/** How many spellings are remembered; what comes after is looked at anew each time. */
const MOST_NAMES = 1000

/**
 * Makes of a verdict over a header's name, in lower case, one that looks at each spelling once: the same few dozen come
 * again and again, and nobody can fill the memory with others.
 */
export function eachSpellingOnce<V> (verdict: (lower: string) => V): (name: string) => V {
  const known = new Map<string, V>()
  return name => {
    const before = known.get(name)
    if (before !== undefined) return before
    const found = verdict(name.toLowerCase())
    if (known.size < MOST_NAMES) known.set(name, found)
    return found
  }
}
