import type { Path } from './mistakes.ts'

/**
 * Where the parts of a document stand, in reading order: a few numbers for each, so that the nodes themselves, a
 * hundred times as large, need not be kept.
 */
export class Places {
  readonly #names: Array<string | undefined> = []
  readonly #keys: number[] = []
  readonly #values: number[] = []
  readonly #sizes: number[] = []

  /**
   * Begins a part; what is begun before its `end` lies within it.
   * @param name its key, or undefined for an item of a list
   * @param key offset of its key, or of itself
   * @param value offset of itself
   */
  begin (name: string | undefined, key: number, value: number): number {
    this.#keys.push(key)
    this.#values.push(value)
    this.#sizes.push(1)
    return this.#names.push(name) - 1
  }

  end (part: number): void {
    this.#sizes[part] = this.#names.length - part
  }

  /** Puts what others hold behind the last part. */
  append (others: Places): void {
    for (let at = 0; at < others.#names.length; at++) {
      const part = this.begin(others.#names[at], others.#keys[at] ?? 0, others.#values[at] ?? 0)
      this.#sizes[part] = others.#sizes[at] ?? 1
    }
  }

  /** The offset of what stands at the path, or of the nearest thing around it, and the part of the path that is there. */
  locate (path: Path, on: 'key' | 'value'): { offset: number, known: Path } {
    let at = 0
    let offset = this.#values[0] ?? 0
    const known: PropertyKey[] = []
    for (const [depth, part] of path.entries()) {
      // One thing may stand in place of a list of it.
      if (typeof part === 'number' && !this.#isList(at)) continue
      const found = this.#childAt(at, part)
      if (found === undefined) break
      at = found
      offset = (on === 'key' && depth === path.length - 1 ? this.#keys[at] : this.#values[at]) ?? 0
      known.push(part)
    }
    return { offset, known }
  }

  /** The offsets of the items of the list at the path. */
  itemsAt (path: Path): number[] {
    let at: number | undefined = 0
    for (const part of path) at = at === undefined ? undefined : this.#childAt(at, part)
    return at === undefined ? [] : [...this.#childrenOf(at)].map(child => this.#values[child] ?? 0)
  }

  #isList (at: number): boolean {
    return (this.#sizes[at] ?? 0) > 1 && this.#names[at + 1] === undefined
  }

  #childAt (parent: number, part: PropertyKey): number | undefined {
    let index = 0
    for (const child of this.#childrenOf(parent)) {
      if (typeof part === 'number' ? index++ === part : this.#names[child] === part) return child
    }
    return undefined
  }

  * #childrenOf (parent: number): Generator<number> {
    const end = parent + (this.#sizes[parent] ?? 0)
    for (let child = parent + 1; child < end; child += this.#sizes[child] ?? 1) yield child
  }
}
