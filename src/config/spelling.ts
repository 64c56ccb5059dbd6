/** The candidate that a slip of the fingers most likely meant, or undefined where none is near. */
function nearest (word: string, candidates: readonly string[]): string | undefined {
  // A hostile file may hold a very long key; no known word is longer than this.
  if (word.length > 64) return undefined
  const allowance = Math.max(1, Math.floor(word.length / 3))
  const ranked = candidates
    .map(candidate => ({ candidate, distance: distanceBetween(word.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ distance }) => distance <= allowance)
    .toSorted((a, b) => a.distance - b.distance)
  return ranked[0]?.candidate
}

/** `expected one of a, b, c; did you mean "b"?` */
export function expectOneOf (word: string, candidates: readonly string[], lead = 'expected one of'): string {
  const guess = nearest(word, candidates)
  const expected = candidates.length === 1 ? `${lead.replace(/ one of$/, '')} ${candidates[0]}` : `${lead} ${candidates.join(', ')}`
  return guess === undefined ? expected : `${expected}; did you mean "${guess}"?`
}

// Edits (insert, delete, replace, swap of neighbours) between two words: the optimal string alignment distance.
function distanceBetween (a: string, b: string): number {
  let before: number[] = []
  let row = Array.from({ length: b.length + 1 }, (_, at) => at)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let best = Math.min(at(row, j) + 1, at(next, j - 1) + 1, at(row, j - 1) + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) best = Math.min(best, at(before, j - 2) + 1)
      next.push(best)
    }
    before = row
    row = next
  }
  return at(row, b.length)
}

function at (row: readonly number[], index: number): number {
  return row[index] ?? Infinity
}
