import { defineErp } from './erp.ts'

/** Any ERP: what is removed and refused always, and no more. */
export const generic = defineErp({ name: 'generic' })
