import { isUnder } from '../../policy/profiles/profile.ts'
import { defineErp, GRACE } from './erp.ts'

/**
 * Salesforce. A session id, or an access token, is a credential wherever it stands; `_HttpMethod` makes another method of
 * a POST.
 *
 * Sources, of Salesforce's:
 * - X-SFDC-Session: Bulk API Developer Guide, "Set a Session Header"
 * - sid: help article 000386254, "Use of frontdoor.jsp to Log in to Salesforce"
 * - oauth_token: the name that the drafts of OAuth 2.0 before RFC 6750 had for a token in a query
 * - _HttpMethod: REST API Developer Guide, "Update a Record"
 * - the time: "API Request Limits and Allocations", ten minutes for a call
 */
export const salesforce = defineErp({
  name: 'salesforce',
  headers: ['X-SFDC-Session'],
  query: ['oauth_token', 'sid'],
  methodOverrides: ['_httpmethod'],
  timeout: 600_000 + GRACE,
  knownUrl: url => isUnder(url, 'my.salesforce.com')
})
