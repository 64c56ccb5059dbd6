import { defineErp, GRACE } from './erp.ts'

/**
 * Dynamics 365 on Dataverse. An application user with the Delegate role acts as whoever a header names; other headers
 * leave out the ERP's own logic, plug-ins and flows among it. A query has no such thing.
 *
 * Sources, of Microsoft's, all below learn.microsoft.com/power-apps/developer/data-platform:
 * - CallerObjectId, MSCRMCallerID: webapi/impersonate-another-user-web-api
 * - MSCRM.Bypass…: bypass-custom-business-logic; MSCRM.SuppressCallbackRegistrationExpanderJob: optional-parameters
 * - the time: analyze-performance, two minutes for an operation
 */
export const dynamics = defineErp({
  name: 'dynamics',
  headers: [
    'CallerObjectId', 'MSCRMCallerID',
    'MSCRM.BypassBusinessLogicExecution', 'MSCRM.BypassBusinessLogicExecutionStepIds', 'MSCRM.BypassCustomPluginExecution',
    'MSCRM.SuppressCallbackRegistrationExpanderJob'
  ],
  timeout: 120_000 + GRACE,
  knownUrl: ({ hostname }) => /\.crm[0-9]*\.dynamics\.com$/.test(hostname)
})
