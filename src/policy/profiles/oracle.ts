import { has, isOneOf, proof, strong, text } from './evidence.ts'
import { defineProfile, isUnder } from './profile.ts'

/**
 * Oracle Identity Cloud Service and OCI identity domains. Many tenants share one `iss`: the issuer's `claims` should name
 * the tenant, its `jwks_uri` the tenant's keys.
 *
 * Source: docs.oracle.com, Identity Cloud Service REST API, Access Token; Identity Token.
 */
export const oracle = defineProfile({
  name: 'oracle',
  wantsTenantClaims: true,
  knownUrl: url => isUnder(url, 'identity.oraclecloud.com'),
  clientClaims: ['client_id'],
  access: [proof('tok_type', 'tok_type says access token', claims => isOneOf(claims, 'tok_type', 'AT'))],
  id: [proof('tok_type', 'tok_type says identity token', claims => isOneOf(claims, 'tok_type', 'IT'))],
  user: [
    proof('sub_type', 'sub_type says user', claims => isOneOf(claims, 'sub_type', 'user')),
    proof('user_id', 'the id of a user', claims => text(claims, 'user_id') !== undefined),
    strong('gtp', 'a grant other than client credentials', claims => has(claims, 'gtp') && !isOneOf(claims, 'gtp', 'cc'))
  ],
  client: [
    proof('sub_type', 'sub_type says client', claims => isOneOf(claims, 'sub_type', 'client')),
    proof('gtp', 'client-credentials grant', claims => isOneOf(claims, 'gtp', 'cc')),
    // Of domains that write neither sub_type nor gtp.
    proof('sub', 'the subject is the client itself', (claims, { subject, client }) =>
      subject !== undefined && subject === client && !has(claims, 'sub_type', 'gtp'))
  ]
})
