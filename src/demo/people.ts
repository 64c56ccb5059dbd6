/** The cast of the demo. Passwords and secrets are written here because they open nothing but this demo. */

export const api = 'https://api.example.com'
export const erp = 'https://erp.example.com'

/** How long every token of the demo lives, in seconds: long enough to read along. */
export const tokenSeconds = 3600

export interface User { readonly name: string, readonly password: string }

export const users: ReadonlyMap<string, User> = new Map([
  ['ada', { name: 'Ada Lovelace', password: 'ada' }],
  ['grace', { name: 'Grace Hopper', password: 'grace' }]
])

export interface Client {
  readonly id: string
  readonly secret: string
  /** The one API that it may have tokens for. */
  readonly resource: string
  readonly scopes: readonly string[]
  /** Present where users log in through it: a path of the SaaS. */
  readonly redirectPath?: string
}

export const clients = {
  /** The SaaS, when a user sits in front of it. */
  web: { id: 'saas-web', secret: 'demo-saas-web', resource: api, scopes: ['openid', 'profile'], redirectPath: '/callback' },
  /** The SaaS, when it acts for itself. */
  backend: { id: 'saas-backend', secret: 'demo-saas-backend', resource: api, scopes: ['read:address', 'write:address'] },
  /** The SaaS's reporting job: it may look, not write. */
  readonly: { id: 'saas-readonly', secret: 'demo-saas-readonly', resource: api, scopes: ['read:address'] },
  /** The gateway, when it calls the ERP. Nobody else gets a token for the ERP. */
  middleware: { id: 'middleware', secret: 'demo-middleware', resource: erp, scopes: ['erp'] }
} as const satisfies Record<string, Client>
