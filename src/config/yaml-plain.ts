import { isAlias, isMap, isScalar, isSeq, type ParsedNode } from 'yaml'
import { isPrivate } from './private.ts'
import type { Places } from './places.ts'
import { plainScalar } from './yaml-scalars.ts'
import { MAX_ENTRIES } from './yaml-tokens.ts'

type Node = ParsedNode | null | undefined

/** Says of a place in the text what is wrong there. `spoils`: nothing below the path is to be looked at again. */
export type Refuse = (offset: number, path: readonly PropertyKey[], message: string, spoils: boolean) => void

/** What of a long list was read before the rest of its document. */
export interface EarlyItems {
  /** where the list begins, and where it seems to begin in the rest */
  readonly offset: number
  readonly at: number
  readonly values: readonly unknown[]
  readonly places: Places
}

export interface PlainReading {
  readonly text: string
  readonly refuse: Refuse
  /** where the parts are written down as they are read */
  readonly places: Places
  readonly early?: EarlyItems | undefined
}

/**
 * The plain data of a node: mappings, lists, strings, numbers, booleans, null.
 * @param path of the node; it is changed and put back while its parts are read
 */
export function readPlain (root: Node, path: PropertyKey[], { text, refuse, places, early }: PlainReading): unknown {
  return plain(root)

  function plain (node: Node): unknown {
    if (node === null || node === undefined) return null
    if (isAlias(node)) return spoil(node, 'aliases (*name) are refused: write the value out, or quote it')
    if (node.tag !== undefined) return spoil(node, 'tags (a word that begins with !) are refused: quote it', '!')
    if (node.anchor !== undefined) return spoil(node, 'anchors (&name) are refused: leave it out, or quote it', '&')
    const before = isSeq(node) && node.range[0] === early?.at ? early : undefined
    if ((isSeq(node) || isMap(node)) && node.items.length + (before?.values.length ?? 0) > MAX_ENTRIES) return spoil(node, `has more than ${MAX_ENTRIES} entries`)
    if (isSeq(node)) return plainList(node.items, before)
    if (isMap(node)) return plainMap(node.items)
    if (!isScalar(node)) return null
    const scalar = plainScalar(node)
    if (scalar.problem !== undefined) return spoil(node, scalar.problem)
    return scalar.value
  }

  function plainList (items: readonly ParsedNode[], before: EarlyItems | undefined): unknown[] {
    if (before !== undefined) places.append(before.places)
    const list = before === undefined ? [] : [...before.values]
    for (const item of items) {
      path.push(list.length)
      list.push(within(item, undefined, item.range[0]))
      path.pop()
    }
    return list
  }

  function plainMap (pairs: ReadonlyArray<{ key: ParsedNode, value: ParsedNode | null }>): Record<string, unknown> {
    const map: Record<string, unknown> = {}
    for (const { key, value } of pairs) {
      const offset = key?.range[0] ?? 0
      const name = isScalar(key) ? key.value : undefined
      if (typeof name !== 'string' || key.tag !== undefined || key.anchor !== undefined) {
        if (typeof name === 'string') places.begin(name, offset, value?.range[0] ?? offset)
        refuse(offset, path, 'a key is text: quote it', false)
      } else if (name === '<<' || name === '__proto__') {
        refuse(offset, path, name === '<<' ? 'merge keys (<<) are refused: write the values out' : 'this key is refused', false)
      } else if (Object.hasOwn(map, name)) {
        refuse(offset, isPrivate([...path, '']) ? path : [...path, name], 'stands twice in this mapping', false)
      } else {
        path.push(name)
        map[name] = within(value, name, offset)
        path.pop()
      }
    }
    return map
  }

  function within (node: Node, name: string | undefined, key: number): unknown {
    const begins = isSeq(node) && node.range[0] === early?.at ? early.offset : node?.range[0]
    const part = places.begin(name, key, begins ?? key)
    const value = plain(node)
    places.end(part)
    return value
  }

  function spoil (node: ParsedNode, message: string, sign?: '!' | '&'): undefined {
    // A node's range begins behind its tag and its anchor.
    const offset = node.range[0]
    const before = sign === undefined ? offset : text.lastIndexOf(sign, offset)
    refuse(text[before - 1] === sign ? before - 1 : Math.max(before, 0), path, message, true)
  }
}
