import { gatewayCaller } from './exchange.ts'
import { serveErp } from './erp.ts'
import { startGateway } from './gateway-process.ts'
import type { LogLine } from './gateway-process.ts'
import { serveIdp } from './idp.ts'
import { ownTokens } from './own-tokens.ts'
import { clients } from './people.ts'
import { serveSaas } from './saas.ts'
import { scriptedLogin } from './scripted-login.ts'
import { openSite } from './site.ts'
import { pastes } from './walkthrough.ts'
import type { Paste, Tokens, Urls } from './walkthrough.ts'

/** Ports of the four that can be chosen; 0 takes a free one. */
export interface Ports { readonly saas: number, readonly gateway: number, readonly idp: number, readonly erp: number }

export interface Demo {
  readonly urls: Urls
  readonly tokens: Tokens
  readonly pastes: readonly Paste[]
  /** Resolves to the gateway's last words, should it end by itself. */
  readonly gatewayEnded: Promise<string>
}

/**
 * Starts the IdP, the ERP, the gateway in front of it, and the SaaS, and logs ada in once for live tokens.
 *
 * @param onEnd is given a function for each part that must be ended, as soon as that part has begun
 * @throws Error in plain words: a port in use, oidc-provider not installed, the gateway's own mistakes
 */
export async function startDemo (ports: Ports, onLog: (line: LogLine) => void, onEnd: (end: () => Promise<void>) => void): Promise<Demo> {
  const open = async (option: string, port: number) => {
    const site = await openSite(option, port)
    onEnd(() => site.close())
    return site
  }
  const saasSite = await open('--port', ports.saas)
  const idpSite = await open('--idp-port', ports.idp)
  const erpSite = await open('--erp-port', ports.erp)

  // The gateway opens its port by itself, later; that the port is free is better said now, and by its option.
  await (await openSite('--gateway-port', ports.gateway)).close()

  await serveIdp(idpSite, saasSite.url)
  const erp = serveErp(erpSite, idpSite.url)
  const gateway = await startGateway({
    env: {
      DEMO_GATEWAY_PORT: String(ports.gateway), DEMO_IDP: idpSite.url, DEMO_ERP: erp.url,
      DEMO_CLIENT_ID: clients.middleware.id, DEMO_CLIENT_SECRET: clients.middleware.secret
    },
    onLog,
    onStop: onEnd
  })
  const ownToken = ownTokens(idpSite.url)
  await serveSaas(saasSite, { issuer: idpSite.url, callGateway: gatewayCaller(gateway.data, erp.saw), ownToken })

  const ada = await scriptedLogin(idpSite.url, saasSite.url, 'ada')
  const tokens = { user: ada.accessToken, id: ada.idToken, saas: await ownToken('saas'), readonly: await ownToken('readonly') }
  return {
    urls: { saas: saasSite.url, gateway: gateway.data, admin: gateway.admin, idp: idpSite.url, erp: erp.url },
    tokens,
    pastes: pastes(gateway.data, tokens),
    gatewayEnded: gateway.ended
  }
}
