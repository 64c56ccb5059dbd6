/** RFC 3339, in UTC. What lies beyond the last moment that JavaScript can name is told as that one. @param ms since the epoch */
export function isoTime (ms: number): string {
  return new Date(Math.min(ms, 8.64e15)).toISOString()
}

/** Its day alone: `2027-03-01`. @param ms since the epoch */
export function isoDay (ms: number): string {
  return isoTime(ms).slice(0, 10)
}
