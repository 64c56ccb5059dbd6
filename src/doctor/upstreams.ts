import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { isoDay } from '../common/dates.ts'
import { Certificates } from '../config/certificates.ts'
import { expiryWarnings } from '../config/expiry.ts'
import type { Upstream } from '../config/gateway-schema.ts'
import { createConnector } from '../outbound/connector.ts'
import { createQuestion } from '../outbound/health-check.ts'
import { tlsOptions, type TlsOptions } from '../outbound/tls.ts'
import { wayTls } from '../outbound/upstreams.ts'
import { connectionFault } from './connection-fault.ts'
import { findingsAbout, inTime, LONGEST, type About, type Finding } from './finding.ts'
import { plainHttp } from './plain-http.ts'

/**
 * Connects to each host of an upstream as the gateway would, and looks at its certificate. No request goes there but the
 * health check, where one is configured: that is what the running gateway asks again and again, and has no credential.
 */
export function examineUpstream (name: string, upstream: Upstream, now: () => number): Array<Promise<readonly Finding[]>> {
  return upstream.url.map(async text => {
    const url = new URL(text)
    const about = findingsAbout('upstreams', upstream.url.length === 1 ? name : `${name} ${url.host}`)
    return await inTime(about, examineHost(about, url, name, upstream, now))
  })
}

async function examineHost (about: About, url: URL, name: string, upstream: Upstream, now: () => number): Promise<Finding[]> {
  const tls = tlsOptions(wayTls(upstream))
  const found = plainHttp(about, [url.href], 'requests and the credential')
  try {
    const socket = await connect(url, tls, Math.min(upstream.connect_timeout, LONGEST - 1000))
    const seen = socket instanceof TLSSocket ? certificateFindings(about, url, socket, now()) : [about.good(`${url.origin} takes connections`)]
    socket.destroy()
    found.push(...seen)
  } catch (error) {
    const fault = connectionFault(error, url, `upstreams.${name}.tls`)
    if (fault === undefined) throw error
    return [...found, about.bad(fault.said, fault.remedy)]
  }
  return upstream.health_check === undefined ? found : [...found, await askHealth(about, url, tls, upstream.health_check)]
}

async function connect ({ hostname, host, protocol, port }: URL, tls: TlsOptions, timeout: number): Promise<Socket> {
  return await new Promise((resolve, reject) => {
    createConnector(timeout, tls)({ hostname: hostname.replace(/^\[|\]$/g, ''), host, protocol, port }, (error, socket) => {
      if (error === null) resolve(socket)
      else reject(error)
    })
  })
}

function certificateFindings (about: About, url: URL, socket: TLSSocket, now: number): Finding[] {
  const { subject, valid_from: from, valid_to: to } = socket.getPeerCertificate()
  const name = [subject.CN].flat()[0] ?? url.hostname
  const facts = { name: name.replace(/[^\x20-\x7e]+/g, ' ').slice(0, 100), beginsAt: Date.parse(from), endsAt: Date.parse(to), isRoot: false }
  return [
    about.good(`${url.origin} takes connections by ${socket.getProtocol() ?? 'TLS'}, and its certificate holds until ${isoDay(facts.endsAt)}`),
    ...expiryWarnings(new Certificates('', [facts]), now).map(said => about.warning(said, 'Have it renewed there before that day: the gateway trusts no other way.'))
  ]
}

async function askHealth (about: About, url: URL, tls: TlsOptions, settings: NonNullable<Upstream['health_check']>): Promise<Finding> {
  const question = createQuestion(url.origin, settings, tls)
  try {
    const place = `health_check ${settings.path}`
    return await question.ask()
      ? about.good(`${place} says that it is well`)
      : about.bad(`${place} does not say that it is well`, `Of several hosts this one would be taken out. Within health_check.timeout it has to answer ${settings.expect.join(' or ')}, without any credential.`)
  } finally {
    await question.close()
  }
}
