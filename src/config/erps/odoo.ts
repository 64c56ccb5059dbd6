import { isUnder } from '../../policy/profiles/profile.ts'
import { defineErp, GRACE } from './erp.ts'

/**
 * Odoo. A session is taken from the query before the cookie, and one server has many databases, of which the request
 * picks one.
 *
 * Sources, of Odoo's:
 * - X-Odoo-Database: "External JSON-2 API" (odoo/documentation, developer/reference/external_api)
 * - db, session_id, X-Openerp-Session-Id: odoo/odoo `odoo/http.py`, `_get_session_and_dbname`
 * - login, password: odoo/odoo `addons/web/controllers/home.py`, `web_login`
 * - X-Odoo-dbfilter: OCA/server-tools `dbfilter_from_header`, the usual module for a proxy that picks the database
 * - the time: `limit_time_real`, 120 s unless configured (developer/reference/cli)
 */
export const odoo = defineErp({
  name: 'odoo',
  headers: ['X-Odoo-Database', 'X-Odoo-dbfilter', 'X-Openerp-Session-Id'],
  query: ['db', 'session_id', 'login', 'password'],
  timeout: 120_000 + GRACE,
  knownUrl: url => isUnder(url, 'odoo.com')
})
