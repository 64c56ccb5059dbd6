/**
 * What the demo teaches, one call each: the SaaS has a button for every one of them, the terminal a curl line for
 * those with `paste`. The statuses are what routes.yaml makes of them.
 */

export type TokenName = 'user' | 'id' | 'saas' | 'readonly' | 'none'

export interface Lesson {
  readonly id: string
  readonly title: string
  /** One sentence: why the gateway answers as it does. */
  readonly why: string
  readonly token: TokenName
  readonly method: 'GET' | 'POST' | 'PATCH'
  readonly path: string
  readonly body?: Readonly<Record<string, string | boolean>>
  readonly expect: number
  /** Shown as a line to paste into a terminal, too. */
  readonly paste: boolean
}

const newAddress = { name: 'Grace Hopper', street: '1 Compiler Lane', city: 'Arlington' }
const found = { verified: true }

export const lessons: readonly Lesson[] = [
  {
    id: 'create', token: 'user', method: 'POST', path: '/addresses', body: newAddress, expect: 201, paste: true,
    title: 'The user’s access token creates an address', why: 'The SaaS acts for a user, so it sends that user’s access token.'
  },
  {
    id: 'update', token: 'saas', method: 'PATCH', path: '/addresses/1', body: found, expect: 200, paste: true,
    title: 'The SaaS’s own token updates address 1', why: 'The SaaS acts for itself, with a token of its own that has write:address.'
  },
  {
    id: 'no-scope', token: 'readonly', method: 'PATCH', path: '/addresses/1', body: found, expect: 403, paste: true,
    title: 'The same, from a token without write:address', why: 'The token is genuine, and it is a machine’s, yet it may only read.'
  },
  {
    id: 'id-token', token: 'id', method: 'POST', path: '/addresses', body: newAddress, expect: 401, paste: true,
    title: 'The user’s ID token, sent by mistake', why: 'An ID token tells the SaaS who logged in. It is never a key to an API.'
  },
  {
    id: 'no-token', token: 'none', method: 'POST', path: '/addresses', body: newAddress, expect: 401, paste: true,
    title: 'No token at all', why: 'The gateway asks for one.'
  },
  {
    id: 'user-update', token: 'user', method: 'PATCH', path: '/addresses/1', body: found, expect: 403, paste: false,
    title: 'The user’s access token tries the machine’s work', why: 'Updates are for the SaaS itself; a user’s token is the wrong kind of caller.'
  },
  {
    id: 'machine-create', token: 'saas', method: 'POST', path: '/addresses', body: newAddress, expect: 403, paste: false,
    title: 'The SaaS’s own token tries the user’s work', why: 'New addresses are created by people; a machine’s token is the wrong kind of caller.'
  },
  {
    id: 'status', token: 'none', method: 'GET', path: '/status', expect: 200, paste: false,
    title: 'The public route, without a token', why: 'Anyone may ask; the ERP still gets the gateway’s own token.'
  }
]
