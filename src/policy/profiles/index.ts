import { auth0 } from './auth0.ts'
import { authentik } from './authentik.ts'
import { cognito } from './cognito.ts'
import { duende } from './duende.ts'
import { entra } from './entra.ts'
import { hydra } from './hydra.ts'
import { keycloak } from './keycloak.ts'
import { okta } from './okta.ts'
import { oracle } from './oracle.ts'
import { pingam } from './pingam.ts'
import { pingfederate } from './pingfederate.ts'
import { pingone } from './pingone.ts'
import type { Profile } from './profile.ts'
import { rfc9068 } from './rfc9068.ts'
import { xsuaa } from './xsuaa.ts'
import { zitadel } from './zitadel.ts'

/** What an issuer's `idp` may be; the first is the default. */
export const PROFILE_NAMES = [
  'rfc9068', 'auth0', 'keycloak', 'entra', 'okta', 'cognito', 'pingone', 'pingfederate', 'pingam', 'hydra', 'zitadel',
  'authentik', 'duende', 'oracle', 'xsuaa'
] as const

export type ProfileName = typeof PROFILE_NAMES[number]

export const PROFILES: Readonly<Record<ProfileName, Profile>> = Object.freeze({
  rfc9068, auth0, keycloak, entra, okta, cognito, pingone, pingfederate, pingam, hydra, zitadel, authentik, duende, oracle, xsuaa
})

/** The IdP whose cloud or whose usual path the URL is, if any: for the warning where an issuer leaves `idp` out. */
export function profileOfUrl (url: URL): ProfileName | undefined {
  return PROFILE_NAMES.find(name => PROFILES[name].knownUrl(url))
}
