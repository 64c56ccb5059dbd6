import type { ErpName } from '../config/erps/index.ts'

export const CREDENTIALS = ['client_credentials', 'client_assertion', 'basic', 'headers', 'none'] as const

export type CredentialKind = typeof CREDENTIALS[number]

/** A line of YAML, and why it is there. */
export type Line = readonly [yaml: string, why: string]

/** What is asked, and written, for an ERP beside what is the same everywhere. docs/erps has where each of it comes from. */
export interface ErpRecipe {
  readonly title: string
  /** its usual URL; what is in capitals is the operator's */
  readonly url: string
  /** how the gateway is usually known there */
  readonly credential: CredentialKind
  /** where its tokens are asked for, where that is not the IdP of the callers */
  readonly tokenEndpoint?: string
  /** what is asked for there */
  readonly scope?: string
  readonly authMethod?: 'client_secret_post'
  /** further lines of the upstream, each with why */
  readonly lines?: readonly Line[]
  /** further lines of a client_assertion */
  readonly assertionLines?: readonly Line[]
  /** the header of `headers` */
  readonly header?: string
  /** a thing to begin with: its name in scopes, and how it is read, made and changed */
  readonly thing: string
  readonly read: string
  readonly create: string
  readonly change: string
  /** whether docs/erps has a page of its own for it */
  readonly hasPage: boolean
}

const ENTRA = 'https://login.microsoftonline.com/TENANT-ID/oauth2/v2.0/token'

export const ERP_RECIPES: Readonly<Record<ErpName, ErpRecipe>> = {
  generic: {
    title: 'any other', url: 'https://ERP.EXAMPLE.COM', credential: 'client_credentials', hasPage: false,
    thing: 'address', read: 'GET /addresses/:id', create: 'POST /addresses', change: 'PUT|PATCH /addresses/:id'
  },
  sap: {
    title: 'SAP S/4HANA, ECC', url: 'https://SAP.EXAMPLE.COM:44300', credential: 'basic', hasPage: true,
    lines: [['headers: { set: { sap-client: "100" } }', 'write yours: the operator says which client, a caller never does']],
    thing: 'partner',
    read: 'GET /sap/opu/odata/sap/API_BUSINESS_PARTNER/A_BusinessPartner(:key)',
    create: 'POST /sap/opu/odata/sap/API_BUSINESS_PARTNER/A_BusinessPartner',
    change: 'PATCH /sap/opu/odata/sap/API_BUSINESS_PARTNER/A_BusinessPartner(:key)'
  },
  dynamics: {
    title: 'Dynamics 365', url: 'https://ORGANISATION.crm4.dynamics.com', credential: 'client_credentials', hasPage: true,
    tokenEndpoint: ENTRA, scope: 'https://ORGANISATION.crm4.dynamics.com/.default', authMethod: 'client_secret_post',
    thing: 'account', read: 'GET /api/data/v9.2/accounts(:id)', create: 'POST /api/data/v9.2/accounts', change: 'PATCH /api/data/v9.2/accounts(:id)'
  },
  businesscentral: {
    title: 'Dynamics 365 Business Central', url: 'https://api.businesscentral.dynamics.com/v2.0/TENANT-ID/ENVIRONMENT/api/v2.0', credential: 'client_credentials', hasPage: true,
    tokenEndpoint: ENTRA, scope: 'https://api.businesscentral.dynamics.com/.default', authMethod: 'client_secret_post',
    lines: [['refuse_query: company', 'it would name another company than the path']],
    thing: 'customer', read: 'GET /companies(:company)/customers(:id)', create: 'POST /companies(:company)/customers', change: 'PATCH /companies(:company)/customers(:id)'
  },
  netsuite: {
    title: 'NetSuite', url: 'https://ACCOUNT.suitetalk.api.netsuite.com', credential: 'client_assertion', hasPage: true,
    tokenEndpoint: 'https://ACCOUNT.suitetalk.api.netsuite.com/services/rest/auth/oauth2/v1/token',
    assertionLines: [['algorithm: PS256', 'ES256, where the key is EC (P-256)'], ['claims: { scope: [rest_webservices] }', 'NetSuite reads the scope here, and nowhere else']],
    thing: 'customer', read: 'GET /services/rest/record/v1/customer/:id', create: 'POST /services/rest/record/v1/customer', change: 'PATCH /services/rest/record/v1/customer/:id'
  },
  'oracle-fusion': {
    title: 'Oracle Fusion', url: 'https://SERVERNAME.fa.us2.oraclecloud.com', credential: 'basic', hasPage: true,
    lines: [['headers: { remove: [Upsert-Mode] }', '"true" may make an update of a POST']],
    thing: 'invoice', read: 'GET /fscmRestApi/resources/11.13.18.05/invoices/:id', create: 'POST /fscmRestApi/resources/11.13.18.05/invoices', change: 'PATCH /fscmRestApi/resources/11.13.18.05/invoices/:id'
  },
  odoo: {
    title: 'Odoo', url: 'https://COMPANY.odoo.com', credential: 'headers', header: 'Authorization', hasPage: true,
    thing: 'partner', read: 'POST /json/2/res.partner/search_read', create: 'POST /json/2/res.partner/create', change: 'POST /json/2/res.partner/write'
  },
  salesforce: {
    title: 'Salesforce', url: 'https://MYDOMAIN.my.salesforce.com', credential: 'client_credentials', hasPage: false,
    tokenEndpoint: 'https://MYDOMAIN.my.salesforce.com/services/oauth2/token',
    thing: 'account', read: 'GET /services/data/v61.0/sobjects/Account/:id', create: 'POST /services/data/v61.0/sobjects/Account', change: 'PATCH /services/data/v61.0/sobjects/Account/:id'
  }
}
