import { businesscentral } from './businesscentral.ts'
import { dynamics } from './dynamics.ts'
import type { ErpProfile } from './erp.ts'
import { generic } from './generic.ts'
import { netsuite } from './netsuite.ts'
import { odoo } from './odoo.ts'
import { oracleFusion } from './oracle-fusion.ts'
import { salesforce } from './salesforce.ts'
import { sap } from './sap.ts'

/** What an upstream's `erp` may be; the first is the default. */
export const ERP_NAMES = ['generic', 'sap', 'dynamics', 'businesscentral', 'netsuite', 'oracle-fusion', 'odoo', 'salesforce'] as const

export type ErpName = typeof ERP_NAMES[number]

export const ERPS: Readonly<Record<ErpName, ErpProfile>> = Object.freeze({
  generic, sap, dynamics, businesscentral, netsuite, 'oracle-fusion': oracleFusion, odoo, salesforce
})

/** The ERP whose cloud the URL is of, if any: for the warning where an upstream leaves `erp` out. */
export function erpOfUrl (url: URL): ErpName | undefined {
  return ERP_NAMES.find(name => ERPS[name].knownUrl(url))
}
