import { serveErp } from './erp.ts'
import type { Sighting } from './erp.ts'
import { gatewayCaller } from './exchange.ts'
import { serveIdp } from './idp.ts'
import { ownTokens } from './own-tokens.ts'
import { serveSaas } from './saas.ts'
import { openSite } from './site.ts'
import type { Site } from './site.ts'

/** The parts that can be processes of their own. The gateway is `countersign start`. */
export const partNames = ['idp', 'saas', 'erp'] as const
export type PartName = typeof partNames[number]

/** The URLs that the others of the demo know a part by. */
export type PartUrls = Readonly<Partial<Record<'idp' | 'saas' | 'gateway', string>>>

/** The URLs that a part cannot do without; its own, left out, is its address. */
export const neededUrls = { idp: ['saas'], erp: ['idp'], saas: ['idp', 'gateway'] } as const satisfies Record<PartName, ReadonlyArray<keyof PartUrls>>

export interface PartOptions {
  readonly part: PartName
  readonly host: string
  readonly port: number
  /** Those of `neededUrls` are there. */
  readonly urls: PartUrls
}

const portOptions = { idp: '--idp-port', saas: '--port', erp: '--erp-port' } as const satisfies Record<PartName, string>

/**
 * Starts one part of the demo by itself.
 *
 * @param say is given one line when it serves, and then one for each thing worth telling
 * @returns the function that ends it
 * @throws Error in plain words: a port in use, oidc-provider not installed, an IdP that is not there (SaaS)
 */
export async function startPart ({ part, host, port, urls }: PartOptions, say: (line: string) => void): Promise<() => Promise<void>> {
  const site = await openSite(portOptions[part], port, { host, url: part === 'erp' ? undefined : urls[part] })
  try {
    await serve(part, site, urls, say)
  } catch (error) {
    await site.close()
    throw error
  }
  say(`The demo's ${part} serves as ${site.url}.`)
  return () => site.close()
}

async function serve (part: PartName, site: Site, { idp = '', saas = '', gateway = '' }: PartUrls, say: (line: string) => void): Promise<void> {
  if (part === 'idp') await serveIdp(site, saas)
  else if (part === 'erp') serveErp(site, idp, (sighting) => say(sightingLine(sighting)))
  else await serveSaas(site, { issuer: idp, callGateway: gatewayCaller(gateway, () => 'elsewhere'), ownToken: ownTokens(idp) }).catch(notThere)

  function notThere (error: unknown): never {
    throw new Error(`The IdP is not there: ${idp} (--idp-url).`, { cause: error })
  }
}

/** What the ERP saw of one request, as one line: whose token it came with, and whether a token came that is none of its business. */
function sightingLine ({ method, url, status, machine, foreignTokens }: Sighting): string {
  const by = machine === undefined ? 'without a token of mine' : `by ${String(machine.client_id)}`
  return `${method} ${url} ${status} ${by}${foreignTokens.length === 0 ? '' : `, with a foreign token in ${foreignTokens.join(', ')}`}`
}
