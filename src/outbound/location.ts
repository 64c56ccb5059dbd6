import type { PathMap } from './paths.ts'

export interface LocationContext {
  readonly upstream: URL
  /** the path that the request went to, without its query */
  readonly upstreamPath: string
  readonly paths: PathMap
  /** the gateway's own URL as callers use it; empty where it is not known */
  readonly publicUrl: string
}

/**
 * A Location or Content-Location (RFC 9110 sections 10.2.2, 8.7) as the caller can follow it: what lies under the
 * upstream's URL lies under the gateway's. Anything else is left as it came.
 */
export function rewriteLocation (value: string, { upstream, upstreamPath, paths, publicUrl }: LocationContext): string {
  const absolute = resolve(value, upstream.origin + upstreamPath)
  if (absolute === undefined || absolute.origin !== upstream.origin) return value
  const path = paths.fromUpstream(absolute.pathname)
  // Beside the upstream's path, not under it: nothing leads there, and the upstream's host is nobody's business.
  if (path === undefined) return absolute.pathname + absolute.search + absolute.hash
  const prefix = isAbsolute(value) ? publicUrl : pathOf(publicUrl)
  return prefix.replace(/\/$/, '') + path + absolute.search + absolute.hash
}

function resolve (value: string, base: string): URL | undefined {
  return URL.canParse(value, base) ? new URL(value, base) : undefined
}

function isAbsolute (value: string): boolean {
  return /^[A-Za-z][A-Za-z0-9+.-]*:/.test(value) || value.startsWith('//')
}

function pathOf (url: string): string {
  return url === '' ? '' : new URL(url).pathname
}
