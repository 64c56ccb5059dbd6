import * as z from 'zod'
import { byHand } from './by-hand.ts'
import { plainHeaderName } from './header-rules.ts'
import { duration, oneOrMany, text, whole } from './notation.ts'

/** How the sessions of an upstream are had. */
export const csrfSchema = z.strictObject({
  path: text().regex(/^\/[\x21\x22\x24-\x7e]*$/, 'expected a path that begins with /, such as /sap/opu/odata/sap/API_BUSINESS_PARTNER/').describe('Asked with GET for a token and a session, at each host; the whole path: nothing of the URL goes in front. It may have a query.'),
  header: plainHeaderName().prefault('X-CSRF-Token').describe('The header that asks for the token (Fetch), carries it, and says that it is wanted (Required).'),
  methods: oneOrMany(z.enum(['POST', 'PUT', 'PATCH', 'DELETE'])).prefault(['POST', 'PUT', 'PATCH', 'DELETE']).describe('The requests that carry the token.'),
  sessions: whole(1, 64, { fromText: true }).prefault(1).describe('So many sessions at each host at most, of this process; requests take them in turn.'),
  max_age: duration('1s', '24h').prefault('15m').describe('A session is used for so long; less than the time after which the ERP ends one that nobody uses.'),
  timeout: duration('10ms', '5m').prefault('10s').describe('How long the ERP may take to give a token; then 504.')
})

/** `csrf` of an upstream: the word none, or how. */
export const csrfOrNone = byHand(z.union([z.literal('none'), csrfSchema]), (value, _fail, use): Csrf | 'none' => value === 'none' ? value : use(csrfSchema, value))

export type Csrf = z.output<typeof csrfSchema>
