import type { PrincipalKind, TokenKind } from '../policy/principal.ts'
import type { ProblemCode } from '../policy/problems.ts'

/** One thing that a request was asked, and what was seen. */
export interface Step {
  readonly name: string
  /** `open`: it could not be asked, or was not */
  readonly outcome: 'pass' | 'fail' | 'open'
  readonly saw: string
}

/** One alternative of a rule's `require`. */
export interface AlternativeSeen {
  /** in words, like `a user with scope read:address` */
  readonly who: string
  readonly holds: boolean
  /** whether the principal is of the kind that it is for: its conditions are looked at only then */
  readonly ofThisKind: boolean
  readonly steps: readonly Step[]
}

/** What a sign in the token says, with the claim that it was seen in. */
export interface EvidenceSeen {
  readonly claim: string
  readonly value?: unknown
  readonly says: string
  readonly strength: string
}

export interface TokenSeen {
  readonly kind: TokenKind | 'unread'
  readonly issuer: string | undefined
  readonly header: Readonly<Record<string, string>>
  /** RFC 3339, where it says when it ends */
  readonly ends: string | undefined
}

export interface PrincipalSeen {
  readonly kind: PrincipalKind
  readonly issuer: string
  readonly subject: string | undefined
  readonly client: string | undefined
  readonly scopes: readonly string[]
  readonly permissions: readonly string[]
  readonly roles: readonly string[]
  readonly evidence: readonly EvidenceSeen[]
}

export interface RuleSeen {
  readonly name: string
  /** `routes.yaml:12` */
  readonly at: string
  readonly match: string
  /** who may, in words */
  readonly who: string
  readonly upstream: string
}

/** A refusal that is told and not carried out. */
export interface ReportedSeen {
  readonly status: number
  readonly code: ProblemCode
  readonly detail: string
  /** what to do, so that it will pass when the rule is enforced */
  readonly remedy: string
}

/** A rule in one row of a table. */
export interface RuleRow {
  /** as in the log and the metrics: its `id`, else its `match` */
  readonly name: string
  readonly methods: string
  readonly path: string
  /** in words */
  readonly who: string
  readonly limits: string
  readonly upstream: string
  /** `routes.yaml:12` */
  readonly at: string
}

/** A refusal in one line, or what was let through in its place. */
export interface PastLine {
  readonly decision: string
  /** RFC 3339 */
  readonly time: string
  readonly method: string
  readonly path: string
  readonly status: number
  readonly code: string
  readonly rule: string | undefined
  readonly client: string | undefined
  /** whether it passed all the same (`enforce: report`) */
  readonly letThrough: boolean
}

/** Why a request passes or does not: the data plane's own verdict, and all that led to it. No token, no secret. */
export interface Explanation {
  readonly request: { readonly method: string, readonly target: string }
  readonly passes: boolean
  /** of the refusal; undefined where it passes: that is the upstream's to answer */
  readonly status: number | undefined
  readonly code: ProblemCode | undefined
  /** what the caller is told */
  readonly detail: string | undefined
  /** what to do about it, in one line */
  readonly remedy: string | undefined
  /** what its rule would refuse, and lets through (`enforce: report`) */
  readonly reported: ReportedSeen | undefined
  readonly rule: RuleSeen | undefined
  readonly steps: readonly Step[]
  readonly alternatives: readonly AlternativeSeen[]
  readonly token: TokenSeen | undefined
  readonly principal: PrincipalSeen | undefined
  /** what the upstream would get, its credential by name alone; undefined where the request does not pass */
  readonly upstream: { readonly name: string, readonly method: string, readonly target: string, readonly headers: ReadonlyArray<readonly [name: string, value: string]> } | undefined
  /** what this explanation does not speak of */
  readonly notes: readonly string[]
}
