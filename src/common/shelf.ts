/** Keeps things that several holders share: each is made for the first that wants it, and let go after the last. */
export interface Shelf<T> {
  /** A new holder, with nothing in its hands. */
  holder (): Holder<T>
}

export interface Holder<T> {
  /** The thing of that name; made where nobody holds it. However often it is taken, it is held once. */
  take (name: string, make: () => T): T
  /** Gives back all that was taken. What nobody else holds is let go. */
  giveBack (): void
}

/** @param letGo called once for each thing, when its last holder gave it back */
export function createShelf<T> (letGo: (thing: T) => void): Shelf<T> {
  const shelf = new Map<string, { readonly thing: T, holders: number }>()

  function giveBack (name: string): void {
    const place = shelf.get(name)
    if (place === undefined || --place.holders > 0) return
    shelf.delete(name)
    letGo(place.thing)
  }

  return {
    holder () {
      const held = new Map<string, T>()
      return {
        take (name, make) {
          const own = held.get(name)
          if (own !== undefined) return own
          const place = shelf.get(name) ?? { thing: make(), holders: 0 }
          place.holders++
          shelf.set(name, place)
          held.set(name, place.thing)
          return place.thing
        },
        giveBack () {
          const names = [...held.keys()]
          held.clear()
          names.forEach(giveBack)
        }
      }
    }
  }
}
