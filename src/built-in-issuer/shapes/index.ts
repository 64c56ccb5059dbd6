import { PROFILE_NAMES, type ProfileName } from '../../policy/profiles/index.ts'
import { audienceOf, grants, login, scopeText, shape, type Shape, type Shapes } from '../shape.ts'
import { auth0, cognito, entra, okta } from './clouds.ts'
import { oracle, xsuaa } from './erp-side.ts'
import { pingam, pingfederate, pingone } from './ping.ts'
import { authentik, duende, hydra, keycloak, zitadel } from './self-hosted.ts'

const rfc9068: Shapes = {
  user: shape('user', 'at+jwt', facts => ({ sub: facts.person, aud: audienceOf(facts), client_id: facts.client, scope: scopeText(facts, 'openid profile'), auth_time: facts.now - 60, jti: facts.id, ...grants(facts) })),
  client: shape('client', 'at+jwt', facts => ({ sub: facts.client, aud: audienceOf(facts), client_id: facts.client, scope: scopeText(facts), jti: facts.id, ...grants(facts) })),
  'id-token': shape('id-token', 'JWT', facts => ({ ...login(facts), sub: facts.person, aud: facts.client, name: 'Ada' }))
}

/** How each IdP writes its tokens. The sources are those of `src/policy/profiles/` and `docs/idps/`. */
export const SHAPES: Readonly<Record<ProfileName, Shapes>> = Object.freeze({
  rfc9068, auth0, keycloak, entra, okta, cognito, pingone, pingfederate, pingam, hydra, zitadel, authentik, duende, oracle, xsuaa
})

/** Every shape by its whole name: `keycloak-user`, `entra-v1-client`. */
export const SHAPES_BY_NAME: ReadonlyMap<string, Shape> = new Map(PROFILE_NAMES.flatMap(idp => Object.entries(SHAPES[idp]).map(([name, one]) => [`${idp}-${name}`, one] as const)))
