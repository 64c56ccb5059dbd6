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

/** How many texts are remembered; what comes after is looked at anew each time. */
const MOST = 1000

/** Makes of what is found in a text a finding that is made once for each: for texts of which the same few come again and again. */
export function eachOnce<V> (find: (text: string) => V): (text: string) => V {
  const known = new Map<string, V>()
  return text => {
    const before = known.get(text)
    if (before !== undefined) return before
    const found = find(text)
    if (known.size < MOST) known.set(text, found)
    return found
  }
}

/** A verdict over a header's name, made of one over the name in lower case; each spelling is looked at once. */
export function eachSpellingOnce<V> (verdict: (lower: string) => V): (name: string) => V {
  return eachOnce(name => verdict(name.toLowerCase()))
}
