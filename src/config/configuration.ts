import type { Grants } from '../policy/grants.ts'
import type { Match } from '../policy/pattern.ts'
import type { Require } from '../policy/require.ts'
import type { GatewayFile } from './gateway-schema.ts'
import type { Idempotency } from './idempotency-schema.ts'
import type { Retry } from './protection-schema.ts'
import type { RateLimit, Rule } from './routes-schema.ts'

/** Both files, checked and settled: nothing in it is left to a default. Frozen. */
export interface Configuration {
  readonly files: { readonly config: string, readonly routes: string }
  readonly gateway: GatewayFile
  readonly routes: readonly Route[]
}

/** A rule with the defaults, and the upstream's headers, merged in. */
export interface Route {
  /** where it stands, like `routes.yaml:12` */
  readonly at: string
  /** its `id`; else its `match` as it is written */
  readonly name: string
  readonly id: string | undefined
  readonly description: string | undefined
  readonly match: Match
  /** what its parameters may have that is refused elsewhere; undefined where that is nothing */
  readonly grants: Grants | undefined
  readonly require: Require
  /** `report`: what `require` would refuse with 403 is let through, and recorded */
  readonly enforce: Rule['enforce']
  /** names of issuers whose tokens it takes; none where it is public */
  readonly issuers: readonly string[]
  /** the name of its upstream */
  readonly upstream: string
  /** true where the upstream's credential is not shown (`credential: none`) */
  readonly withoutCredential: boolean
  readonly rewrite: string | undefined
  /** milliseconds */
  readonly timeout: number
  /** milliseconds */
  readonly idle_timeout: number
  /** the very same object in every rule that takes it from `defaults` or the upstream: one budget */
  readonly retry: Retry | undefined
  /** undefined where a repeat is a request as any other */
  readonly idempotency: (Omit<Idempotency, 'wait'> & { /** milliseconds */ readonly wait: number }) | undefined
  readonly rate_limits: readonly RouteLimit[]
  /** bytes */
  readonly body_limit: number | undefined
  readonly headers: HeaderRules
  readonly response_headers: HeaderRules
  readonly identity: readonly IdentityHeader[]
  /** how what is in its bodies is looked at; undefined where it is not */
  readonly batch: Rule['batch']
  readonly refuse_query: QueryRules
}

/** One limit; where it is `shared`, the very same object stands in every rule that takes it from `defaults`: one counter. */
export interface RouteLimit extends RateLimit {
  readonly shared: boolean
}

/** Upstream's, then defaults', then the rule's own: what comes later has the last word on a name. */
export interface HeaderRules {
  /** name (as written) to value */
  readonly set: Readonly<Record<string, string>>
  /** lower case */
  readonly remove: readonly string[]
  /** lower case */
  readonly keep: readonly string[]
}

/** What is refused in a query: the ERP's own, the upstream's, defaults' and the rule's; names in lower case. */
export interface QueryRules {
  readonly refused: readonly string[]
  /** those that make another method of a request */
  readonly overrides: readonly string[]
}

export interface IdentityHeader {
  /** as written */
  readonly header: string
  /** the claim path as written, and split */
  readonly claim: string
  readonly path: readonly string[]
}
