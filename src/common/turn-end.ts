/**
 * Makes of what is to be done with one thing what is done with all that come in one turn of the event loop, at its end.
 * For writes to sockets: a write wakes whoever waits for it on another core, which is the dearest part of it; of many
 * in a row only the first finds them asleep.
 */
export function atTurnsEnd<T> (act: (item: T) => void): (item: T) => void {
  const items: T[] = []
  const all = (): void => {
    for (const item of items.splice(0)) act(item)
  }
  return item => {
    if (items.push(item) === 1) setImmediate(all)
  }
}
