import { isoDay } from '../common/dates.ts'
import type { CertificateFacts, Certificates } from './certificates.ts'
import type { Credential } from './credential-schema.ts'
import type { GatewayFile } from './gateway-schema.ts'
import { formatPath, type Path } from './mistakes.ts'
import type { ClientTls } from './tls-schema.ts'

/** Certificates at their place in gateway.yaml. */
export interface PlacedCertificates {
  /** for logs and metrics: `listen.tls`, `upstreams.erp.tls`, `upstreams.erp.tls.ca` */
  readonly name: string
  readonly path: Path
  readonly certificates: Certificates
}

const DAY = 24 * 3_600_000
/** ms before its end from which on a certificate is warned about */
const SOON = 30 * DAY

/** All certificates of a configuration, the gateway's own and those that it trusts. */
export function certificatesOf ({ listen, issuers, upstreams, telemetry }: Pick<GatewayFile, 'listen' | 'issuers' | 'upstreams' | 'telemetry'>): PlacedCertificates[] {
  return [
    ...placed(['listen', 'tls'], listen.tls),
    ...placed(['telemetry', 'otlp', 'tls'], telemetry?.otlp.tls),
    ...Object.entries(issuers).flatMap(([name, { tls }]) => placed(['issuers', name, 'tls'], tls)),
    ...Object.entries(upstreams).flatMap(([name, { tls, credential }]) => [
      ...placed(['upstreams', name, 'tls'], tls),
      ...ofCredential(['upstreams', name, 'credential'], credential)
    ])
  ]
}

/** Those of one `tls`. */
export function placed (path: Path, tls: Pick<ClientTls, 'ca' | 'cert'> | undefined): PlacedCertificates[] {
  const { cert, ca } = tls ?? {}
  return [
    ...cert === undefined ? [] : [{ name: formatPath(path), path: [...path, 'cert'], certificates: cert }],
    ...ca === undefined ? [] : [{ name: formatPath([...path, 'ca']), path: [...path, 'ca'], certificates: ca }]
  ]
}

/** Those of a credential: what it shows itself, and what its token endpoint is shown and trusted by. */
export function ofCredential (above: Path, credential: Credential): PlacedCertificates[] {
  const path = [...above, credential.kind]
  switch (credential.kind) {
    case 'client_certificate': return placed(path, credential)
    case 'client_credentials': return placed([...path, 'tls'], credential.tls)
    case 'client_assertion':
    case 'jwt_bearer': {
      const { certificate, tls } = credential
      return [...certificate === undefined ? [] : [{ name: formatPath(path), path: [...path, 'certificate'], certificates: certificate }], ...placed([...path, 'tls'], tls)]
    }
    default: return []
  }
}

/** When the first of them ends, in ms since the epoch; undefined where there is none. */
export function endOf ({ list }: Certificates): number | undefined {
  return list.length === 0 ? undefined : Math.min(...list.map(({ endsAt }) => endsAt))
}

/** A sentence for each that ends soon, has ended, or does not hold yet. @param now ms since the epoch */
export function expiryWarnings ({ list }: Certificates, now: number): string[] {
  return list.flatMap(one => warningOf(one, now) ?? [])
}

function warningOf ({ name, beginsAt, endsAt }: CertificateFacts, now: number): string | undefined {
  const of = `the certificate of "${name.replaceAll('"', "'")}"`
  if (endsAt <= now) return `${of} ended on ${isoDay(endsAt)}`
  if (beginsAt > now) return `${of} does not hold before ${isoDay(beginsAt)}`
  return endsAt - now <= SOON ? `${of} ends on ${isoDay(endsAt)}, in ${Math.floor((endsAt - now) / DAY)} days` : undefined
}
