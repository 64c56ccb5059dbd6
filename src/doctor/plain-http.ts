import { isLoopback } from '../config/urls.ts'
import type { About, Finding } from './finding.ts'

/** A warning where one of the URLs is plain http: that is read, and written, by whoever is on the way. @param what goes over it */
export function plainHttp (about: About, urls: ReadonlyArray<string | undefined>, what: string): Finding[] {
  const [plain] = urls.flatMap(url => url?.startsWith('http:') === true ? [new URL(url)] : [])
  if (plain === undefined) return []
  return isLoopback(plain.hostname.replace(/^\[|\]$/g, ''))
    ? [about.warning(`plain http on loopback: ${plain.origin}`, 'Well for a trial, or a proxy on this machine. Across a network it has to be https.')]
    : [about.warning(`plain http to another machine: ${plain.origin}`, `Whoever is on the way reads and changes the ${what}. Make it https, and take allow_http out.`)]
}
