import { defineErp } from './erp.ts'

/**
 * Oracle Fusion Cloud Applications, and what else runs on WebLogic behind Access Manager: it believes the web server in
 * front who is calling, by header.
 *
 * Sources, of Oracle's:
 * - WL-Proxy-Client-Cert, WL-Proxy-Client-IP: WebLogic Server, `ClientCertProxyEnabled` and `WeblogicPluginEnabled`
 *   (docs.oracle.com/cd/E11035_01, schemaref/security)
 * - WL-Proxy-SSL, Proxy-Remote-User, Proxy-Auth-Type: Web Server Proxy Plug-Ins for WebLogic Server
 * - OAM_REMOTE_USER, OAM_IDENTITY_ASSERTION: the token types of the Access Manager Identity Asserter (Administrator's
 *   Guide for Oracle Access Management)
 */
export const oracleFusion = defineErp({
  name: 'oracle-fusion',
  headers: ['OAM_REMOTE_USER', 'OAM_IDENTITY_ASSERTION', 'Proxy-Remote-User', 'Proxy-Auth-Type', 'WL-Proxy-Client-Cert', 'WL-Proxy-Client-IP', 'WL-Proxy-SSL'],
  knownUrl: ({ hostname }) => /\.fa\.[a-z0-9.-]*oraclecloud\.com$/.test(hostname)
})
