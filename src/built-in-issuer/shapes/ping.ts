import { audienceOf, grants, login, NO_SCOPE_OF_YOURS, scopeList, scopeText, shape, type Shapes } from '../shape.ts'

const ENVIRONMENT = '11111111-2222-3333-4444-555555555555'

export const pingone: Shapes = {
  user: shape('user', undefined, facts => ({ client_id: facts.client, aud: facts.audience, scope: scopeText(facts, 'openid profile') || NO_SCOPE_OF_YOURS, sub: `33333333-0000-0000-0000-${facts.person}`, sid: `s-${facts.id}`, auth_time: facts.now - 60, acr: 'Single_Factor', env: ENVIRONMENT, org: 'o-1', jti: facts.id, ...grants(facts) })),
  client: shape('client', undefined, facts => ({ client_id: facts.client, aud: facts.audience, scope: scopeText(facts) || NO_SCOPE_OF_YOURS, env: ENVIRONMENT, org: 'o-1', jti: facts.id, ...grants(facts) })),
  'id-token': shape('id-token', undefined, facts => ({ ...login(facts), sub: `33333333-0000-0000-0000-${facts.person}`, aud: facts.client, sid: `s-${facts.id}`, acr: 'Single_Factor', env: ENVIRONMENT, name: 'Ada' })),
  // As all of them are from 2027-03-02.
  'typed-user': shape('user', 'at+jwt', facts => ({ client_id: facts.client, aud: facts.audience, scope: scopeText(facts, 'openid profile'), sub: `33333333-0000-0000-0000-${facts.person}`, auth_time: facts.now - 60, acr: 'Single_Factor', env: ENVIRONMENT, jti: facts.id, ...grants(facts) })),
  'typed-client': shape('client', 'at+jwt', facts => ({ client_id: facts.client, aud: facts.audience, scope: scopeText(facts), env: ENVIRONMENT, jti: facts.id, ...grants(facts) }))
}

// What a token holds is mapped freely: user_when and client_when of the issuer are laid over these.
export const pingfederate: Shapes = {
  user: shape('user', 'at+jwt', facts => ({ sub: facts.person, aud: audienceOf(facts), client_id: facts.client, scope: scopeText(facts, 'openid profile'), ...grants(facts) })),
  client: shape('client', 'at+jwt', facts => ({ sub: facts.client, aud: audienceOf(facts), client_id: facts.client, scope: scopeText(facts), ...grants(facts) })),
  'id-token': shape('id-token', undefined, facts => ({ ...login(facts), sub: facts.person, aud: facts.client, jti: facts.id, 'pi.sri': `s-${facts.id}` }))
}

export const pingam: Shapes = {
  user: shape('user', 'JWT', facts => ({ sub: `(usr!${facts.person})`, subname: facts.person, cts: 'OAUTH2_STATELESS_GRANT', auth_level: 0, tokenName: 'access_token', token_type: 'Bearer', authGrantId: `g-${facts.id}`, nonce: `n-${facts.id}`, aud: audienceOf(facts) ?? facts.client, client_id: facts.client, grant_type: 'authorization_code', scope: scopeList(facts, ['openid', 'profile']), auth_time: facts.now - 60, realm: '/alpha', nbf: facts.now, jti: facts.id, ...grants(facts) })),
  client: shape('client', 'JWT', facts => ({ sub: `(age!${facts.client})`, subname: facts.client, cts: 'OAUTH2_STATELESS_GRANT', tokenName: 'access_token', token_type: 'Bearer', authGrantId: `g-${facts.id}`, aud: audienceOf(facts) ?? facts.client, client_id: facts.client, grant_type: 'client_credentials', scope: scopeList(facts), auth_time: facts.now, realm: '/alpha', nbf: facts.now, jti: facts.id, ...grants(facts) })),
  'id-token': shape('id-token', 'JWT', facts => ({ ...login(facts), sub: `(usr!${facts.person})`, subname: facts.person, tokenName: 'id_token', aud: facts.client, azp: facts.client, acr: '0', realm: '/alpha', auditTrackingId: facts.id })),
  'refresh-token': shape('refresh-token', 'JWT', facts => ({ sub: `(usr!${facts.person})`, tokenName: 'refresh_token', aud: facts.client, client_id: facts.client, grant_type: 'authorization_code', scope: scopeList(facts, ['openid', 'profile']), realm: '/alpha', jti: facts.id }))
}
