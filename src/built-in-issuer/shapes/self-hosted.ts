import { audienceOf, grants, login, scopeList, scopeText, shape, type Facts, type Shapes } from '../shape.ts'

// The grant stands in `jti`: ac is the code, cc client credentials, rt a refresh.
export const keycloak: Shapes = {
  user: shape('user', 'JWT', facts => ({ ...keycloakUser(facts), jti: `onrtac:${facts.id}` })),
  client: shape('client', 'JWT', facts => ({ ...keycloakClient(facts), client_id: facts.client, preferred_username: `service-account-${facts.client.toLowerCase()}`, email_verified: false, clientHost: '10.0.0.7', clientAddress: '10.0.0.7' })),
  'id-token': shape('id-token', 'JWT', facts => ({ ...login(facts), jti: facts.id, aud: facts.client, sub: subject(facts), typ: 'ID', azp: facts.client, sid: `s-${facts.id}`, acr: '1', preferred_username: facts.person })),
  'refresh-token': shape('refresh-token', 'JWT', facts => ({ jti: `onrtac:${facts.id}`, aud: facts.iss, sub: subject(facts), typ: 'Refresh', azp: facts.client, sid: `s-${facts.id}`, scope: scopeText(facts, 'openid email profile') })),
  'refreshed-user': shape('user', 'JWT', facts => ({ ...keycloakUser(facts), jti: `onrtrt:${facts.id}` })),
  // Without the client scope service_account.
  'bare-client': shape('client', 'JWT', facts => keycloakClient(facts)),
  // Before 26.2 no grant stands in jti.
  'older-user': shape('user', 'JWT', facts => ({ ...keycloakUser(facts), jti: facts.id })),
  'older-client': shape('client', 'JWT', facts => ({ ...keycloakClient(facts), jti: facts.id, client_id: facts.client, preferred_username: `service-account-${facts.client.toLowerCase()}`, email_verified: false }))
}

function keycloakUser (facts: Facts): Readonly<Record<string, unknown>> {
  return { aud: [...facts.audience, 'account'], sub: subject(facts), typ: 'Bearer', azp: facts.client, sid: `s-${facts.id}`, acr: '1', auth_time: facts.now - 60, scope: scopeText(facts, 'openid email profile'), preferred_username: facts.person, ...keycloakRoles(facts) }
}

function keycloakClient (facts: Facts): Readonly<Record<string, unknown>> {
  return { jti: `trrtcc:${facts.id}`, aud: [...facts.audience, 'account'], sub: '0a1b2c3d-0000-4000-8000-00000000c11e', typ: 'Bearer', azp: facts.client, acr: '1', scope: scopeText(facts, 'email profile'), ...keycloakRoles(facts) }
}

function subject ({ person }: Facts): string {
  return `0a1b2c3d-0000-4000-8000-${person}`
}

// `my-api:clerk` is the role clerk of the client my-api, any other one of the realm.
function keycloakRoles ({ permissions, roles }: Facts): Readonly<Record<string, unknown>> {
  const clients: Record<string, { roles: string[] }> = {}
  for (const role of roles) {
    const colon = role.indexOf(':')
    if (colon === -1) continue
    const access = clients[role.slice(0, colon)] ??= { roles: [] }
    access.roles.push(role.slice(colon + 1))
  }
  return { realm_access: { roles: roles.filter(role => !role.includes(':')) }, resource_access: clients, permissions: grants({ permissions, roles: [] }).permissions }
}

export const hydra: Shapes = {
  user: shape('user', 'JWT', facts => ({ sub: facts.person, aud: facts.audience, client_id: facts.client, scp: scopeList(facts, ['openid', 'profile']), ext: {}, nbf: facts.now, jti: facts.id, ...grants(facts) })),
  client: shape('client', 'JWT', facts => ({ sub: facts.client, aud: facts.audience, client_id: facts.client, scp: scopeList(facts), ext: {}, nbf: facts.now, jti: facts.id, ...grants(facts) })),
  'id-token': shape('id-token', 'JWT', facts => ({ ...login(facts), sub: facts.person, aud: [facts.client], sid: `s-${facts.id}`, rat: facts.now - 70, jti: facts.id }))
}

// Nothing in them tells a human from a service user: user_when and client_when of the issuer are laid over.
export const zitadel: Shapes = {
  user: shape('user', 'JWT', facts => ({ sub: `284711${facts.person}`, aud: [facts.client, ...facts.audience], client_id: facts.client, jti: facts.id, scope: scopes(facts), nbf: facts.now, ...grants(facts) })),
  client: shape('client', 'JWT', facts => ({ sub: '284722222222222222', aud: [facts.client, ...facts.audience], client_id: facts.client, jti: facts.id, scope: scopes(facts), nbf: facts.now, ...grants(facts) })),
  'id-token': shape('id-token', 'JWT', facts => ({ ...login(facts), sub: `284711${facts.person}`, aud: [facts.client, ...facts.audience], azp: facts.client, client_id: facts.client, amr: ['pwd'] }))
}

// The access token is the ID token with azp and uid; client_when is laid over a client's.
export const authentik: Shapes = {
  user: shape('user', 'JWT', facts => ({ ...authentikLogin(facts), amr: ['pwd'], sid: `s-${facts.id}`, nonce: `n-${facts.id}`, preferred_username: facts.person, azp: facts.client, uid: facts.id, scope: scopes(facts), ...grants(facts) })),
  client: shape('client', 'JWT', facts => ({ ...authentikLogin(facts), sub: 'f00dbabe02', preferred_username: 'ak-saas-client_credentials', azp: facts.client, uid: facts.id, scope: scopes(facts), ...grants(facts) })),
  'id-token': shape('id-token', 'JWT', facts => ({ ...authentikLogin(facts), ...login(facts), amr: ['pwd'], sid: `s-${facts.id}`, preferred_username: facts.person }))
}

function authentikLogin (facts: Facts): Readonly<Record<string, unknown>> {
  return { sub: `f00dbabe-${facts.person}`, aud: audienceOf(facts) ?? facts.client, auth_time: facts.now - 60, acr: 'goauthentik.io/providers/oauth2/default' }
}

// Whether these two write scopes into access tokens was not seen: only where a scope is asked for, the usual way.
function scopes (facts: Facts): string | undefined {
  return facts.scopes === undefined || facts.scopes.length === 0 ? undefined : scopeText(facts)
}

export const duende: Shapes = {
  user: shape('user', 'at+jwt', facts => ({ nbf: facts.now, aud: audienceOf(facts), scope: scopeList(facts, ['openid', 'profile']), amr: ['pwd'], client_id: facts.client, sub: `818727-${facts.person}`, auth_time: facts.now - 60, idp: 'local', jti: facts.id, ...grants(facts) })),
  client: shape('client', 'at+jwt', facts => ({ nbf: facts.now, aud: audienceOf(facts), scope: scopeList(facts), client_id: facts.client, jti: facts.id, ...grants(facts) })),
  'id-token': shape('id-token', 'JWT', facts => ({ ...login(facts), nbf: facts.now, aud: facts.client, sid: `s-${facts.id}`, amr: ['pwd'], sub: `818727-${facts.person}`, idp: 'local' }))
}
