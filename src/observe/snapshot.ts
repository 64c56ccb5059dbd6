import type { Outcome } from './outcome.ts'

/** How a gateway stands at a moment: what the console shows. Names of configuration, codes and numbers; no token, no claim. */
export interface Snapshot {
  /** ms since the epoch, as all times here */
  readonly time: number
  /** when its first process began */
  readonly startedAt: number
  readonly process: ProcessState
  readonly configuration: ConfigurationState
  /** of the rules that were met, and of none ('') */
  readonly traffic: ReadonlyArray<RuleTraffic & { /** undefined where the rule is no more */ readonly upstream: string | undefined }>
  readonly totals: Totals
  /** the upper bounds of all `durations`, in seconds, rising; the last of a list of them is of what took longer */
  readonly bounds: readonly number[]
  readonly refusals: RefusalGroups
  readonly issuers: readonly IssuerState[]
  readonly upstreams: readonly UpstreamState[]
  /** undefined where none is configured */
  readonly store: StoreState | undefined
}

/** What the console is told: how the gateway stands, what /readyz says, and where it is asked for how it was before. */
export interface Told extends Snapshot {
  readonly status: 'draining' | 'starting' | 'degraded' | 'ready'
  readonly degraded: readonly string[]
  readonly configuration: ConfigurationState & { readonly rejected?: { readonly since: string, readonly mistakes: readonly string[] } | undefined }
  readonly history?: readonly Sample[]
}

/** The counts as they were at a moment. */
export interface Sample extends Totals {
  readonly time: number
}

/** Counts since the start. */
export interface Totals {
  readonly outcomes: Readonly<Record<Outcome, number>>
  /** how many requests took how long */
  readonly durations: readonly number[]
}

export interface RuleTraffic {
  readonly rule: string
  readonly ends: readonly RuleEnd[]
  readonly durations: readonly number[]
}

/** So many requests of a rule ended so. */
export interface RuleEnd {
  /** empty where the upstream answered */
  readonly code: string
  readonly status: number
  readonly count: number
}

export interface ProcessState {
  readonly version: string
  readonly node: string
  /** how many processes serve */
  readonly count: number
  /** s of CPU since the start */
  readonly cpu: number
  /** bytes */
  readonly memory: number
  readonly inFlight: number
  readonly knownTokens: number
  /** of the requests, 0 to 1, that are turned away */
  readonly shed: number
}

export interface ConfigurationState {
  /** the beginning of a SHA-256 over the rules: replicas with the same have the same */
  readonly rules: string
  readonly routes: number
  readonly adoptedAt: number
  readonly reloads: { readonly adopted: number, readonly unchanged: number, readonly rejected: number }
}

/** The remembered refusals by what they have in common, the most frequent first. */
export interface RefusalGroups {
  readonly remembered: number
  /** of the oldest that is remembered */
  readonly since: number | undefined
  readonly code: readonly RefusalGroup[]
  readonly rule: readonly RefusalGroup[]
  readonly client: readonly RefusalGroup[]
}

export interface RefusalGroup {
  /** empty where no rule was met, or no client known */
  readonly name: string
  readonly count: number
  /** the last one's decision */
  readonly decision: string
  readonly time: number
}

/** Fetches since the start. */
export interface FetchState {
  readonly ok: number
  readonly failed: number
  readonly lastAt: number | undefined
  /** in fixed words: of the last one that failed */
  readonly problem: string | undefined
  readonly failedAt: number | undefined
}

export interface IssuerState {
  readonly name: string
  readonly issuer: string
  readonly keys: number
  readonly usable: boolean
  /** of the keys in hand */
  readonly fetchedAt: number | undefined
  readonly fetches: FetchState
}

export interface UpstreamState {
  readonly name: string
  readonly hosts: readonly HostState[]
  /** requests that are there, or on their way */
  readonly open: number
  /** undefined, as below, where it is not configured */
  readonly queued: number | undefined
  readonly circuit: 'closed' | 'half-open' | 'open' | undefined
  readonly maintenance: { readonly endsAt: number | undefined } | undefined
  readonly sessions: number | undefined
  readonly durations: readonly number[]
  readonly credential: CredentialState
}

export interface HostState {
  readonly origin: string
  readonly ejected: boolean
  readonly healthy: boolean
}

export interface CredentialState {
  /** as in gateway.yaml: `client_credentials`, `basic`, … */
  readonly kind: string
  readonly available: boolean
  /** of the machine token in hand */
  readonly askedAt: number | undefined
  readonly endsAt: number | undefined
  readonly fetches: FetchState
  /** tokens that another replica had fetched */
  readonly shared: number
}

export interface StoreState {
  readonly up: boolean
  readonly problem: string | undefined
  readonly changedAt: number | undefined
  readonly operations: readonly StoreOperations[]
}

export interface StoreOperations {
  readonly operation: string
  readonly outcome: string
  readonly count: number
}
