import type { VerifiedToken } from '../../../src/policy/principal.ts'
import type { ProfileName } from '../../../src/policy/profiles/index.ts'
import { token } from './table.ts'

const TIMES = { iat: 1_700_000_000, exp: 1_700_003_600 }
const NO_TYP = { typ: undefined }

/** What each IdP's ID tokens look like; the client is `app` in all. */
export const ID_TOKENS: Readonly<Record<ProfileName | 'google', VerifiedToken>> = {
  rfc9068: token({ iss: 'https://as.example.com', sub: 'ann', aud: 'app', auth_time: 1_700_000_000, nonce: 'n', ...TIMES }),
  auth0: token({ iss: 'https://t.eu.auth0.com/', sub: 'auth0|123', aud: 'app', nickname: 'ann', email: 'ann@example.com', nonce: 'n', sid: 's', ...TIMES }),
  keycloak: token({ iss: 'https://kc/realms/r', sub: '5e1f', aud: 'app', typ: 'ID', azp: 'app', jti: 'onrtac:1', sid: 's', acr: '1', at_hash: 'h', nonce: 'n', auth_time: 1_700_000_000, preferred_username: 'ann', ...TIMES }),
  entra: token({ iss: 'https://login.microsoftonline.com/T/v2.0', ver: '2.0', sub: 'pairwise', oid: 'U', aud: 'app', tid: 'T', nonce: 'n', c_hash: 'h', name: 'Ann', roles: ['Clerk'], ...TIMES }),
  okta: token({ iss: 'https://d.okta.com/oauth2/default', ver: 1, jti: 'ID.1', sub: '00u1', aud: 'app', amr: ['pwd'], idp: '00o1', auth_time: 1_700_000_000, at_hash: 'h', ...TIMES }, NO_TYP),
  cognito: token({ iss: 'https://cognito-idp.eu-west-1.amazonaws.com/P', sub: 'a-b-c', aud: 'app', token_use: 'id', 'cognito:username': 'ann', event_id: 'e', origin_jti: 'o', jti: 'j', auth_time: 1_700_000_000, at_hash: 'h', email: 'ann@example.com', ...TIMES }, NO_TYP),
  pingone: token({ iss: 'https://auth.pingone.eu/E/as', sub: 'ann', aud: 'app', env: 'E', acr: 'Single_Factor', auth_time: 1_700_000_000, nonce: 'n', at_hash: 'h', sid: 's', ...TIMES }, NO_TYP),
  pingfederate: token({ iss: 'https://pf.example.com', sub: 'ann', aud: 'app', jti: 'j', auth_time: 1_700_000_000, 'pi.sri': 's', nonce: 'n', ...TIMES }, NO_TYP),
  pingam: token({ iss: 'https://t.forgeblocks.com:443/am/oauth2/alpha', sub: '(usr!ann)', subname: 'ann', aud: 'app', azp: 'app', tokenName: 'id_token', auditTrackingId: 'a', at_hash: 'h', nonce: 'n', acr: '0', realm: '/alpha', auth_time: 1_700_000_000, ...TIMES }),
  hydra: token({ iss: 'https://hydra.example.com/', sub: 'ann', aud: ['app'], jti: 'j', rat: 1_700_000_000, sid: 's', auth_time: 1_700_000_000, at_hash: 'h', nonce: 'n', ...TIMES }),
  zitadel: token({ iss: 'https://i.zitadel.cloud', sub: '1777', aud: ['app', 'project'], azp: 'app', client_id: 'app', amr: ['pwd'], auth_time: 1_700_000_000, at_hash: 'h', nonce: 'n', ...TIMES }),
  authentik: token({ iss: 'https://ak/application/o/app/', sub: 'hash', aud: 'app', acr: 'goauthentik.io/providers/oauth2/default', amr: ['pwd'], auth_time: 1_700_000_000, nonce: 'n', sid: 's', ...TIMES }),
  duende: token({ iss: 'https://ids.example.com', sub: '818727', aud: 'app', nbf: 1_700_000_000, amr: ['pwd'], idp: 'local', at_hash: 'h', sid: 's', auth_time: 1_700_000_000, ...TIMES }),
  oracle: token({ iss: 'https://identity.oraclecloud.com/', sub: 'ann', aud: ['https://identity.oraclecloud.com/', 'app'], tok_type: 'IT', user_id: 'u1', tenant: 't1', jti: 'j', amr: ['USERNAME_PASSWORD'], auth_time: 1_700_000_000, at_hash: 'h', user_displayname: 'Ann', ...TIMES }, NO_TYP),
  // As cloudfoundry/uaa IdToken.java writes it: all that an access token has, and the scope openid.
  xsuaa: token({ iss: 'https://t.authentication.eu10.hana.ondemand.com/oauth/token', sub: 'u1', user_id: 'u1', user_name: 'ann', aud: ['app'], azp: 'app', cid: 'app', client_id: 'app', grant_type: 'authorization_code', scope: ['openid'], zid: 'z', origin: 'ldap', jti: 'j', rev_sig: 'r', amr: ['pwd'], auth_time: 1_700_000_000, email_verified: true, previous_logon_time: 1, ...TIMES }),
  google: token({ iss: 'https://accounts.google.com', sub: '11', aud: 'app', azp: 'app', at_hash: 'h', hd: 'example.com', email: 'ann@example.com', ...TIMES })
}
