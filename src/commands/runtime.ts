/** The first release of each line without the holes that are known in those before it. */
const SAFE_FROM: Readonly<Record<number, readonly [minor: number, patch: number]>> = { 20: [20, 2], 22: [22, 2], 24: [14, 1], 25: [8, 2] }
/** Lines up to this one that have no such release were given up with their holes. */
const NEWEST_LINE = 25

/** What of the surroundings forbids a start, or deserves a word. */
export function whyNotToStart (nodeVersion: string, env: NodeJS.ProcessEnv): { readonly refusal?: string, readonly warning?: string } {
  if (env.NODE_TLS_REJECT_UNAUTHORIZED === '0') {
    return { refusal: 'NODE_TLS_REJECT_UNAUTHORIZED=0 would send secrets to anyone. For a private CA set NODE_EXTRA_CA_CERTS.' }
  }
  const [major = 0, minor = 0, patch = 0] = nodeVersion.split('.').map(Number)
  const safe = SAFE_FROM[major]
  if (major < 20) return { refusal: `Node ${nodeVersion} is too old; it runs on 20, 22, 24 and later.` }
  if (safe !== undefined && (minor < safe[0] || (minor === safe[0] && patch < safe[1]))) {
    return { warning: `Node ${nodeVersion} has known security holes; use ${major}.${safe.join('.')} or later.` }
  }
  if (safe === undefined && major <= NEWEST_LINE) {
    return { warning: `Node ${nodeVersion} has known security holes that nobody closes any more; use 20, 22, 24 or later.` }
  }
  return {}
}
