import type { Generation } from '../generation.ts'
import type { RejectedConfiguration } from '../reload.ts'

/** What /readyz says of a process. */
export interface Readiness {
  /** every issuer and credential was tried, and one issuer's keys and one credential were in hand once */
  readonly ready: boolean
  /** what is not as it should be, like `issuers.main.keys` */
  readonly degraded: readonly string[]
  /** what names the configuration that requests go by; of several processes that are not of one mind, each, joined by a comma */
  readonly config: string
  /** of the files as they are now, where they make no gateway */
  readonly configuration?: RejectedConfiguration | undefined
}

export interface ReadinessParts {
  readonly current: () => Pick<Generation, 'configurationHash' | 'issuers' | 'upstreams' | 'storeIsUp'>
  readonly rejected: () => RejectedConfiguration | undefined
  /** whether a share of the requests is turned away */
  readonly sheds: () => boolean
}

/** Ready once all was tried, and one issuer's keys and one credential are in hand. An outage later removes no replica. */
export function createReadiness ({ current, rejected, sheds }: ReadinessParts): () => Readiness {
  let hasBeenReady = false
  return () => {
    const { issuers, upstreams, storeIsUp, configurationHash: config } = current()
    const keys = issuers.map(({ name, keys }) => ({ name: `issuers.${name}.keys`, ...keys.status() }))
    const credentials = [...upstreams.values()].map(({ name, credential }) => ({ name: `upstreams.${name}.credential`, ...credential.status() }))
    const isReady = keys.every(({ tried }) => tried) && credentials.every(({ tried }) => tried) &&
      (keys.length === 0 || keys.some(({ usable }) => usable)) && credentials.some(({ available }) => available)
    if (isReady) hasBeenReady = true
    const configuration = rejected()
    const degraded = [...keys.filter(({ usable }) => !usable), ...credentials.filter(({ available }) => !available)].map(({ name }) => name)
    if (configuration !== undefined) degraded.push('configuration')
    if (storeIsUp() === false) degraded.push('store')
    if (sheds()) degraded.push('overload')
    return { ready: hasBeenReady, degraded, config, configuration }
  }
}
