import { isUnder } from '../../policy/profiles/profile.ts'
import { defineErp, GRACE } from './erp.ts'

/**
 * SAP: NetWeaver AS ABAP, S/4HANA and S/4HANA Cloud. It logs on by header fields and form fields, in a query too, and
 * tries them before Basic authentication; their case does not count.
 *
 * Sources, of SAP's:
 * - sap-client, sap-user, sap-alias, sap-password as header and form fields: "Logging On to SAP Web Application Server"
 *   (help.sap.com/saphelp_470, 6f04d73a90e7322be10000000a11405a)
 * - the same, sap-sessioncmd and sap-exiturl in a URL: "System-Specific URL Parameters" (ce3dd23a09313b37e10000000a11405a)
 * - sap-login: "~client, ~language, ~login, …" (d7faff40e39ba854e10000000a1550b0)
 * - MYSAPSSO2 and SAP-R3Auth as headers, sap-contextid in a URL: the logging of ICM and Web Dispatcher, which hides them
 *   (f0dd2305bc524899aa8839b7269d54bc)
 * - SAP-Connectivity-…: SAP Cloud SDK, `ProxyConfigurationHeaders`; SAP-docs/btp-connectivity, "Authenticating Users
 *   against On-Premises Systems"
 * - ClientProtocol, from which absolute URLs are made: "Communication with Protocol Switch Through Reverse Proxy"
 *   (4868cfc977ef4e71e10000000a421937)
 * - services at /sap/opu/odata/<namespace>/<name>/, and /sap/opu/odata4/<namespace>/<group>/<repository>/<namespace>/<name>/<version>/:
 *   SAP Gateway Foundation Developer Guide, "OData URIs"
 * - the time: PROCTIMEOUT, and 60 s by icm/keep_alive_timeout where it is not set: "Timeout Options for ICM and Web
 *   Dispatcher" (4888b52977323cb8e10000000a42189d)
 */
export const sap = defineErp({
  name: 'sap',
  headers: [
    'sap-client', 'sap-user', 'sap-alias', 'sap-login', 'sap-password', 'MYSAPSSO2', 'SAP-R3Auth', 'sap-contextid',
    'SAP-Connectivity-Authentication', 'SAP-Connectivity-Technical-Authentication', 'SAP-Connectivity-SCC-Location_ID',
    // Of a session between ERP and gateway, as the answer's is.
    'X-CSRF-Token',
    'ClientProtocol'
  ],
  query: ['sap-client', 'sap-user', 'sap-alias', 'sap-login', 'sap-password', 'sap-contextid', 'sap-sessioncmd', 'sap-exiturl', 'mysapsso2'],
  answerHeaders: ['sap-contextid', 'MYSAPSSO2', 'X-CSRF-Token'],
  timeout: 60_000 + GRACE,
  csrfService: /^\/sap\/opu\/(?:odata\/[^/:(*$]+\/[^/:(*$]+|odata4\/(?:[^/:(*$]+\/){4}[^/:(*$]+\/\d{4})\//,
  knownUrl: url => isUnder(url, 's4hana.ondemand.com', 's4hana.cloud.sap')
})
