/** The first release of each line without the holes that are known in those before it. */
const SAFE_FROM: Readonly<Record<number, string>> = { 22: '22.22.2', 24: '24.14.1', 25: '25.8.2' }
/** Lines up to this one that have no such release were given up with their holes. */
const NEWEST_LINE = 25

/**
 * Why nothing at all runs on this Node. Asked before any package is loaded: it must not need one, nor a word of the
 * language that an old Node cannot read.
 * @param needed the oldest that will do, from `engines`
 */
export function whyNotOnThisNode (nodeVersion: string, needed: string): string | undefined {
  return isBefore(nodeVersion, needed) ? `Node ${nodeVersion} is too old: it needs ${needed} or later.` : undefined
}

/** What of the surroundings forbids a start, or deserves a word. The Node is not older than `engines` says. */
export function whyNotToStart (nodeVersion: string, env: NodeJS.ProcessEnv): { readonly refusal?: string, readonly warning?: string } {
  if (env.NODE_TLS_REJECT_UNAUTHORIZED === '0') {
    return { refusal: 'NODE_TLS_REJECT_UNAUTHORIZED=0 would send secrets to anyone. For a private CA set NODE_EXTRA_CA_CERTS.' }
  }
  // What `debug` prints of ioredis is every command with its arguments: AUTH, with the password.
  if (env.DEBUG !== undefined && /(^|[\s,])(\*|ioredis)/.test(env.DEBUG)) {
    return { refusal: 'DEBUG names ioredis, which would print the password of the store. Name only what you want to see.' }
  }
  const line = lineOf(nodeVersion)
  const safe = SAFE_FROM[line]
  if (safe !== undefined && isBefore(nodeVersion, safe)) {
    return { warning: `Node ${nodeVersion} has known security holes; use ${safe} or later.` }
  }
  if (safe === undefined && line > 20 && line <= NEWEST_LINE) {
    return { warning: `Node ${nodeVersion} has known security holes that nobody closes any more; use 20, 22, 24 or later.` }
  }
  return {}
}

function lineOf (version: string): number {
  return Number.parseInt(version, 10)
}

function isBefore (version: string, other: string): boolean {
  const [one, two] = [version, other].map(text => text.split('.').map(part => Number.parseInt(part, 10)))
  const at = [0, 1, 2].find(place => one?.[place] !== two?.[place])
  return at !== undefined && (one?.[at] ?? 0) < (two?.[at] ?? 0)
}
