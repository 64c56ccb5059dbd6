import { audienceOf, grants, login, NO_SCOPE_OF_YOURS, scopeList, scopeText, shape, type Facts, type Shapes } from '../shape.ts'

export const auth0: Shapes = {
  user: shape('user', 'JWT', facts => ({ sub: `auth0|${facts.person}`, aud: [...facts.audience, `${facts.iss}userinfo`], azp: facts.client, scope: scopeText(facts, 'openid profile') || NO_SCOPE_OF_YOURS, ...grants(facts) })),
  client: shape('client', 'JWT', facts => ({ sub: `${facts.client}@clients`, aud: audienceOf(facts), azp: facts.client, scope: scopeText(facts), gty: 'client-credentials', ...grants(facts) })),
  'id-token': shape('id-token', 'JWT', facts => ({ sub: `auth0|${facts.person}`, aud: facts.client, nonce: `n-${facts.id}`, sid: `s-${facts.id}`, name: 'Ada', email: 'ada@example.com', email_verified: true })),
  'rfc9068-user': shape('user', 'at+jwt', facts => ({ sub: `auth0|${facts.person}`, aud: [...facts.audience, `${facts.iss}userinfo`], client_id: facts.client, scope: scopeText(facts, 'openid profile'), jti: facts.id, ...grants(facts) })),
  'rfc9068-client': shape('client', 'at+jwt', facts => ({ sub: `${facts.client}@clients`, aud: audienceOf(facts), client_id: facts.client, scope: scopeText(facts), jti: facts.id, ...grants(facts) })),
  agent: shape('agent', 'JWT', facts => ({ sub: facts.client, aud: audienceOf(facts), azp: facts.client, scope: scopeText(facts) || NO_SCOPE_OF_YOURS, sub_profile: 'ai_agent', client_profile: 'ai_agent service', ...grants(facts) })),
  anonymous: shape('anonymous', 'JWT', facts => ({ sub: `anon@${facts.id}`, aud: audienceOf(facts), azp: facts.client, scope: scopeText(facts, 'openid') || NO_SCOPE_OF_YOURS, ...grants(facts) }))
}

const TENANT = '11111111-2222-3333-4444-555555555555'
const OBJECT = '33333333-0000-0000-0000-00000000000'

// Delegated permissions are scopes, and a token of a user's only; what an app may do itself are roles, whatever it asked for.
export const entra: Shapes = {
  user: shape('user', 'JWT', facts => isVersion1(facts) ? userOfVersion1(facts) : userOfVersion2(facts)),
  client: shape('client', 'JWT', facts => ({ ...isVersion1(facts) ? appOfVersion1(facts) : appOfVersion2(facts), idtyp: 'app' })),
  'id-token': shape('id-token', 'JWT', facts => ({ ...version(facts), aud: facts.client, oid: `${OBJECT}1`, sub: 'pAirWise-XyZ', nonce: `n-${facts.id}`, name: 'Ada', preferred_username: 'ada@example.com', roles: grants(facts).roles })),
  'client-without-idtyp': shape('client', 'JWT', facts => isVersion1(facts) ? appOfVersion1(facts) : appOfVersion2(facts)),
  'v1-user': shape('user', 'JWT', userOfVersion1),
  'v1-client': shape('client', 'JWT', facts => appOfVersion1(facts)),
  'v2-user': shape('user', 'JWT', userOfVersion2),
  'v2-client': shape('client', 'JWT', facts => ({ ...appOfVersion2(facts), idtyp: 'app' })),
  agent: shape('agent', 'JWT', facts => ({ ...appOfVersion2(facts), idtyp: 'app', xms_sub_fct: '3 9 11' })),
  'agent-user': shape('agent', 'JWT', facts => ({ ...userOfVersion2(facts), idtyp: 'user', xms_sub_fct: '13 3' })),
  'user-by-agent': shape('user', 'JWT', facts => ({ ...userOfVersion2(facts), idtyp: 'user', xms_act_fct: '11' })),
  'no-grant': shape('nothing', 'JWT', facts => ({ ...userOfVersion2(facts), scp: undefined, roles: undefined }))
}

function isVersion1 ({ iss }: Facts): boolean {
  return URL.canParse(iss) && new URL(iss).hostname === 'sts.windows.net'
}

function version (facts: Facts): Readonly<Record<string, unknown>> {
  return { ver: isVersion1(facts) ? '1.0' : '2.0', tid: TENANT, uti: facts.id }
}

function userOfVersion1 (facts: Facts): Readonly<Record<string, unknown>> {
  return { ver: '1.0', tid: TENANT, uti: facts.id, aud: audienceOf(facts), appid: facts.client, appidacr: '1', oid: `${OBJECT}1`, sub: 'pAirWise-AbC', scp: scopeText(facts, 'access_as_user') || NO_SCOPE_OF_YOURS, name: 'Ada', nbf: facts.now, ...grants(facts) }
}

function userOfVersion2 (facts: Facts): Readonly<Record<string, unknown>> {
  return { ver: '2.0', tid: TENANT, uti: facts.id, aud: audienceOf(facts), azp: facts.client, azpacr: '1', oid: `${OBJECT}1`, sub: 'pAirWise-AbC', scp: scopeText(facts, 'access_as_user') || NO_SCOPE_OF_YOURS, name: 'Ada', nbf: facts.now, ...grants(facts) }
}

function appOfVersion1 (facts: Facts): Readonly<Record<string, unknown>> {
  return { ver: '1.0', tid: TENANT, uti: facts.id, aud: audienceOf(facts), appid: facts.client, appidacr: '1', oid: `${OBJECT}2`, sub: `${OBJECT}2`, nbf: facts.now, ...grants(facts), roles: appRoles(facts) }
}

function appOfVersion2 (facts: Facts): Readonly<Record<string, unknown>> {
  return { ver: '2.0', tid: TENANT, uti: facts.id, aud: audienceOf(facts), azp: facts.client, azpacr: '1', oid: `${OBJECT}2`, sub: `${OBJECT}2`, nbf: facts.now, ...grants(facts), roles: appRoles(facts) }
}

function appRoles ({ roles, scopes = [] }: Facts): readonly string[] {
  const all = [...new Set([...roles, ...scopes])]
  return all.length === 0 ? [NO_SCOPE_OF_YOURS] : all
}

export const okta: Shapes = {
  user: shape('user', undefined, facts => ({ ver: 1, jti: `AT.${facts.id}`, aud: audienceOf(facts), cid: facts.client, uid: `00u1${facts.person}`, scp: oktaScopes(facts, ['openid', 'profile']), auth_time: facts.now - 60, sub: `${facts.person}@example.com`, ...grants(facts) })),
  client: shape('client', undefined, facts => ({ ver: 1, jti: `AT.${facts.id}`, aud: audienceOf(facts), cid: facts.client, scp: oktaScopes(facts), sub: facts.client, ...grants(facts) })),
  'id-token': shape('id-token', undefined, facts => ({ ver: 1, jti: `ID.${facts.id}`, aud: facts.client, amr: ['pwd'], idp: '00o1acme', auth_time: facts.now - 60, at_hash: login(facts).at_hash, sub: `00u1${facts.person}`, name: 'Ada' }))
}

function oktaScopes (facts: Facts, usual: readonly string[] = []): readonly string[] {
  const scopes = scopeList(facts, usual)
  return scopes.length === 0 ? [NO_SCOPE_OF_YOURS] : scopes
}

export const cognito: Shapes = {
  user: shape('user', undefined, facts => ({ sub: `5c4b3a29-0000-4000-8000-${facts.person}`, aud: audienceOf(facts), version: 2, client_id: facts.client, origin_jti: `o-${facts.id}`, event_id: `e-${facts.id}`, token_use: 'access', scope: scopeText(facts, 'openid'), auth_time: facts.now - 60, jti: facts.id, username: facts.person, ...grants(facts) })),
  client: shape('client', undefined, facts => ({ sub: facts.client, aud: audienceOf(facts), token_use: 'access', scope: scopeText(facts), auth_time: facts.now, version: 2, client_id: facts.client, jti: facts.id, ...grants(facts) })),
  'id-token': shape('id-token', undefined, facts => ({ sub: `5c4b3a29-0000-4000-8000-${facts.person}`, aud: facts.client, token_use: 'id', 'cognito:username': facts.person, event_id: `e-${facts.id}`, origin_jti: `o-${facts.id}`, auth_time: facts.now - 60, at_hash: login(facts).at_hash, email: 'ada@example.com', jti: facts.id }))
}
