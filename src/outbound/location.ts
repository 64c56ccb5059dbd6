import type { PathMap, PathParts } from './paths.ts'

export interface LocationContext {
  readonly upstream: URL
  /** the upstream's, of each of its hosts */
  readonly origins: ReadonlySet<string>
  /** the path that the request went to, without its query */
  readonly upstreamPath: string
  readonly paths: PathMap
  /** what of the caller's path went into it, or was left out */
  readonly parts: PathParts
  /** the gateway's own URL as callers use it; empty where it is not known */
  readonly publicUrl: string
}

/**
 * A Location or Content-Location (RFC 9110 sections 10.2.2, 8.7) as the caller can follow it: what lies under the
 * upstream's URL lies under the gateway's. Anything else is left as it came.
 */
export function rewriteLocation (value: string, { upstream, origins, upstreamPath, paths, parts, publicUrl }: LocationContext): string {
  const absolute = resolve(escaped(value), upstream.origin + upstreamPath)
  if (absolute === undefined || !origins.has(absolute.origin)) return value
  const rest = absolute.search + absolute.hash
  const path = paths.fromUpstream(absolute.pathname, parts)
  // Beside the upstream's path, not under it: nothing leads there, and the upstream's host is nobody's business.
  if (path === undefined) return withoutHost(absolute.pathname) + rest
  const prefix = (isAbsolute(value) ? publicUrl : pathOf(publicUrl)).replace(/\/$/, '')
  return withoutHost(prefix + path) + rest
}

/** Where a request goes, as far as links in it are concerned. */
export type LinkContext = Pick<LocationContext, 'upstream' | 'paths' | 'parts' | 'publicUrl'>

/**
 * The way back: a link that a caller sends as the gateway gave it, as the upstream knows it. One under the gateway's own
 * URL lies under the upstream's then. Anything else is left as it came.
 */
export function rewriteLink (value: string, { upstream, paths, parts, publicUrl }: LinkContext): string {
  if (publicUrl === '' || !(isAbsolute(value) || value.startsWith('/'))) return value
  const own = new URL(publicUrl)
  const link = resolve(escaped(value), own.origin)
  if (link === undefined || link.origin !== own.origin || link.username !== '' || link.password !== '') return value
  const prefix = own.pathname.replace(/\/$/, '')
  if (link.pathname !== prefix && !link.pathname.startsWith(`${prefix}/`)) return value
  const path = paths.linkToUpstream(link.pathname.slice(prefix.length) || '/', parts) + link.search + link.hash
  return isAbsolute(value) ? upstream.origin + path : withoutHost(path)
}

// Some write a path's characters as they are. Byte by byte, whatever they stand for.
function escaped (value: string): string {
  return value.replace(/[\x80-\xff]/g, byte => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`)
}

// RFC 3986 section 4.2: a path that begins with // would be read as another host.
function withoutHost (reference: string): string {
  return reference.startsWith('//') ? `/.${reference}` : reference
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
