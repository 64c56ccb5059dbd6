import { audienceOf, grants, login, scopeList, scopeText, shape, type Facts, type Shapes } from '../shape.ts'

export const oracle: Shapes = {
  user: shape('user', undefined, facts => ({ tok_type: 'AT', sub: `${facts.person}@example.com`, sub_type: 'user', user_id: '0a1b2c3d', user_displayname: 'Ada', gtp: 'azc', client_id: facts.client, client_name: facts.client, aud: audienceOf(facts), scope: scopeText(facts), jti: facts.id, ...grants(facts) })),
  client: shape('client', undefined, facts => ({ tok_type: 'AT', sub: facts.client, sub_type: 'client', gtp: 'cc', client_id: facts.client, client_name: facts.client, aud: audienceOf(facts), scope: scopeText(facts), jti: facts.id, ...grants(facts) })),
  'id-token': shape('id-token', undefined, facts => ({ ...login(facts), tok_type: 'IT', sub: `${facts.person}@example.com`, user_id: '0a1b2c3d', user_displayname: 'Ada', aud: [facts.iss, facts.client], amr: ['USERNAME_PASSWORD'], jti: facts.id })),
  // Of domains that write neither sub_type nor gtp.
  'older-client': shape('client', undefined, facts => ({ tok_type: 'AT', sub: facts.client, client_id: facts.client, aud: audienceOf(facts), scope: scopeText(facts), jti: facts.id, ...grants(facts) }))
}

export const xsuaa: Shapes = {
  user: shape('user', 'JWT', facts => ({ ...xsuaaUser(facts), scope: scopeList(facts, ['openid']), aud: [...facts.audience, 'openid', facts.client], ...grants(facts) })),
  client: shape('client', 'JWT', facts => ({ jti: facts.id, sub: facts.client, authorities: scopeList(facts), scope: scopeList(facts, ['uaa.resource']), client_id: facts.client, cid: facts.client, azp: facts.client, grant_type: 'client_credentials', zid: ZONE, ext_attr: { enhancer: 'XSUAA' }, aud: [...facts.audience, 'uaa', facts.client], ...grants(facts) })),
  // All that an access token has, and the scope openid alone.
  'id-token': shape('id-token', 'JWT', facts => ({ ...xsuaaUser(facts), scope: ['openid'], aud: [facts.client], email_verified: true, previous_logon_time: (facts.now - 86_400) * 1000, amr: ['pwd'] })),
  'refresh-token': shape('refresh-token', 'JWT', facts => ({ ...xsuaaUser(facts), jti: `${facts.id}-r`, granted_scopes: scopeList(facts, ['openid']), aud: [...facts.audience, facts.client] }))
}

const ZONE = '11111111-2222-3333-4444-555555555555'

function xsuaaUser (facts: Facts): Readonly<Record<string, unknown>> {
  return { jti: facts.id, sub: `0a1b2c3d-${facts.person}`, user_id: `0a1b2c3d-${facts.person}`, user_name: 'ada@example.com', origin: 'sap.default', email: 'ada@example.com', client_id: facts.client, cid: facts.client, azp: facts.client, grant_type: 'authorization_code', zid: ZONE, ext_attr: { enhancer: 'XSUAA' } }
}
