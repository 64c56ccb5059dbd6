import { isUnder } from '../../policy/profiles/profile.ts'
import { defineErp, GRACE } from './erp.ts'

/**
 * Dynamics 365 Business Central. Where one server has several tenants, the URL names the one that is meant.
 *
 * Sources, of Microsoft's:
 * - tenant: MicrosoftDocs/dynamics365smb-devitpro-pb, administration/configure-web-server-to-accept-host-names-for-tenants
 * - the time: api-reference/v2.0/dynamics-current-limits, 504 after ten minutes
 */
export const businesscentral = defineErp({
  name: 'businesscentral',
  query: ['tenant'],
  timeout: 600_000 + GRACE,
  knownUrl: url => isUnder(url, 'api.businesscentral.dynamics.com')
})
