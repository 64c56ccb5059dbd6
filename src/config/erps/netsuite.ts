import { isUnder } from '../../policy/profiles/profile.ts'
import { defineErp, GRACE } from './erp.ts'

/**
 * NetSuite. It is logged on to by Authorization or cookies, which are removed always. What it takes as an account, a role
 * or a token has no place in a query either.
 *
 * Sources, of Oracle's, all below docs.oracle.com/en/cloud/saas/netsuite/ns-online-help:
 * - compid: section_4358672433 (`url.resolveScript`, external URLs)
 * - nlauth_…: section_4623992425, the fields of NLAuth
 * - oauth_…: token-based authentication is OAuth 1.0, whose parameters may stand in a query (RFC 5849 section 3.5.3)
 * - the time: subsect_1559222360, fifteen minutes for a request
 */
export const netsuite = defineErp({
  name: 'netsuite',
  query: [
    'compid', 'nlauth_account', 'nlauth_email', 'nlauth_signature', 'nlauth_role', 'nlauth_application_id',
    'oauth_consumer_key', 'oauth_token', 'oauth_signature'
  ],
  timeout: 900_000 + GRACE,
  knownUrl: url => isUnder(url, 'suitetalk.api.netsuite.com', 'restlets.api.netsuite.com')
})
