import type { Claims } from '../claims.ts'
import { has, hint, isOneOf, proof, strong, text, texts, words } from './evidence.ts'
import { defineProfile, isUnder, NONCE } from './profile.ts'

/**
 * Microsoft Entra ID, access tokens of version 1 (`appid`, `appidacr`) and 2 (`azp`, `azpacr`): the API's manifest picks
 * the version. A token with neither `scp` nor `roles` opens nothing. The optional claim `idtyp` is worth switching on.
 *
 * Source: Microsoft Entra docs, Access token claims reference; Optional claims reference; ID token claims reference;
 * Claims validation; Agent ID token claims.
 */
export const entra = defineProfile({
  name: 'entra',
  knownUrl: url => isUnder(url, 'login.microsoftonline.com', 'login.microsoftonline.us', 'login.partner.microsoftonline.cn',
    'sts.windows.net', 'ciamlogin.com', 'b2clogin.com'),
  clientClaims: ['azp', 'appid'],
  access: [
    proof('azp', 'azp or azpacr, with scp or roles: an access token of version 2', claims =>
      (text(claims, 'azp') ?? text(claims, 'azpacr')) !== undefined && saysGrant(claims)),
    proof('appid', 'appid and appidacr, with scp or roles: an access token of version 1', claims =>
      text(claims, 'appid') !== undefined && text(claims, 'appidacr') !== undefined && saysGrant(claims)),
    hint('roles', 'neither scp nor roles: assign the app a role of this API, or ask for a scope of it', claims =>
      has(claims, 'azpacr', 'appidacr') && !saysGrant(claims))
  ],
  id: [
    // In the payload: an access token for Microsoft Graph has one in its header.
    NONCE,
    proof('azp', 'no azp, azpacr, appid, appidacr or scp: an ID token', claims => !has(claims, 'azp', 'azpacr', 'appid', 'appidacr', 'scp'))
  ],
  user: [
    // With idtyp `app` that proof contradicts this one. Another idtyp, `device`, is no user either.
    proof('scp', 'delegated permissions, which only a user\'s token has', claims =>
      text(claims, 'scp') !== undefined && (!has(claims, 'idtyp') || isOneOf(claims, 'idtyp', 'user', 'app'))),
    strong('idtyp', 'idtyp says user', claims => isOneOf(claims, 'idtyp', 'user')),
    strong('azpacr', 'a public client, which has no credentials of its own', claims => authenticationOf(claims) === '0')
  ],
  client: [
    proof('idtyp', 'idtyp says app', claims => isOneOf(claims, 'idtyp', 'app')),
    proof('oid', 'oid equals sub, no scp, and the client showed a secret or a certificate', claims =>
      !has(claims, 'scp', 'idtyp') && text(claims, 'oid') !== undefined && text(claims, 'oid') === text(claims, 'sub') &&
      ['1', '2'].includes(authenticationOf(claims) ?? ''))
  ],
  // Entra writes no RFC 8693 `act`: this is its own way to say that an agent acts for the subject.
  delegated: [hint('xms_act_fct', 'an agent acts for the subject', claims => words(claims, 'xms_act_fct').includes('11'))]
})

function saysGrant (claims: Claims): boolean {
  return text(claims, 'scp') !== undefined || texts(claims, 'roles').length > 0
}

// 0 is a public client, 1 a secret, 2 a certificate or assertion. It does not say that no user takes part.
function authenticationOf (claims: Claims): string | undefined {
  return text(claims, 'azpacr') ?? text(claims, 'appidacr')
}
