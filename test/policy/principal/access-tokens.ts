import type { VerifiedToken } from '../../../src/policy/principal.ts'
import type { ProfileName } from '../../../src/policy/profiles/index.ts'
import { token } from './table.ts'

/** A good access token of a user per IdP, or of nobody in particular where the IdP marks none; the client is `app`. */
export const ACCESS_TOKENS: Readonly<Record<ProfileName, VerifiedToken>> = {
  rfc9068: token({ sub: 'ann', client_id: 'app', aud: 'https://api', auth_time: 1_700_000_000 }, { typ: 'at+jwt' }),
  auth0: token({ sub: 'auth0|123', aud: 'https://api', azp: 'app', scope: 'erp' }),
  keycloak: token({ jti: 'onrtac:1', sub: 'u', typ: 'Bearer', azp: 'app', sid: 's' }),
  entra: token({ ver: '2.0', azp: 'app', azpacr: '0', oid: 'U', sub: 'pairwise', scp: 'erp' }),
  okta: token({ jti: 'AT.1', cid: 'app', uid: '00u1', scp: ['erp'], sub: 'ann' }, {}),
  cognito: token({ sub: 'a-b', client_id: 'app', token_use: 'access', username: 'ann' }, {}),
  pingone: token({ sub: 'ann', aud: ['https://api'], client_id: 'app', scope: 'erp', auth_time: 1_700_000_000 }, {}),
  pingfederate: token({ sub: 'ann', aud: 'https://api', client_id: 'app' }, { typ: 'at+jwt' }),
  pingam: token({ sub: '(usr!ann)', client_id: 'app', tokenName: 'access_token', grant_type: 'authorization_code', scope: ['erp'] }),
  hydra: token({ sub: 'ann', aud: ['https://api'], client_id: 'app', scp: ['erp'] }),
  zitadel: token({ sub: '1777', aud: ['app'], client_id: 'app', jti: 'j' }),
  authentik: token({ sub: 'h', aud: 'app', azp: 'app', uid: 'x', amr: ['pwd'], nonce: 'n' }),
  duende: token({ sub: '818727', client_id: 'app', scope: ['erp'] }, { typ: 'at+jwt' }),
  oracle: token({ sub: 'ann', tok_type: 'AT', sub_type: 'user', client_id: 'app' }, {}),
  xsuaa: token({ iss: 'https://t/oauth/token', cid: 'app', grant_type: 'password', user_id: 'u1', scope: ['erp.write'], aud: ['erp'] })
}
