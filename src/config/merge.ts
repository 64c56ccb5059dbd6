import type { Configuration, HeaderRules, IdentityHeader, QueryRules, Route, RouteLimit } from './configuration.ts'
import { csrfOf } from './csrf-of-erp.ts'
import type { ErpProfile } from './erps/erp.ts'
import { ERPS } from './erps/index.ts'
import type { GatewayFile, Issuer, Upstream } from './gateway-schema.ts'
import { isTokenCredential } from './credential-schema.ts'
import { foldHeaderName } from './header-rules.ts'
import type { Defaults, RateLimit, RoutesFile, Rule } from './routes-schema.ts'

const TIMEOUT_MS = 30_000
const IDLE_TIMEOUT_MS = 60_000

/** Settles two files that passed every check into the one frozen configuration. */
export function settle (gateway: GatewayFile, routes: RoutesFile, files: Configuration['files'], lines: readonly number[]): Configuration {
  const defaultLimits = routes.defaults?.rate_limit?.map(limit => ({ ...limit, shared: true }))
  const settled = settleIssuers(gateway)
  const [onlyUpstream = ''] = Object.keys(gateway.upstreams)
  const { defaults = {} } = routes
  const around: Around = {
    defaults,
    gateway,
    defaultLimits: defaultLimits ?? [],
    upstream: defaults.upstream ?? onlyUpstream,
    issuers: defaults.issuers ?? Object.keys(gateway.issuers),
    identity: identityOf(defaults.identity),
    inherited: new Map()
  }
  const rules = routes.routes.map((rule, at) => settleRule(rule, `${files.routes}:${lines[at] ?? 1}`, around))
  return deepFreeze({ files, gateway: { ...settled, upstreams: settleUpstreams(gateway, rules) }, routes: rules })
}

/** What rules have that do not say otherwise; made once, however many they are. */
interface Around {
  readonly defaults: Defaults
  readonly gateway: GatewayFile
  readonly defaultLimits: readonly RouteLimit[]
  readonly upstream: string
  readonly issuers: readonly string[]
  readonly identity: readonly IdentityHeader[]
  /** by upstream */
  readonly inherited: Map<string, Inherited>
}

type Inherited = Pick<Route, 'headers' | 'response_headers' | 'refuse_query'>

const NONE: readonly never[] = []

function settleRule (rule: Rule, at: string, around: Around): Route {
  const { defaults } = around
  const upstream = rule.upstream ?? around.upstream
  const inherited = inheritedFrom(upstream, around)
  const ofUpstream = around.gateway.upstreams[upstream]
  const timeout = rule.timeout ?? defaults.timeout ?? ofUpstream?.timeout ?? erpOf(ofUpstream).timeout ?? TIMEOUT_MS
  const retry = rule.retry ?? defaults.retry ?? ofUpstream?.retry
  return {
    at,
    name: rule.id ?? `${rule.match.any ? 'ANY' : rule.match.methods.join('|')} ${rule.match.path}`,
    id: rule.id,
    description: rule.description,
    match: rule.match,
    grants: rule.escapes === undefined && !rule.matrix ? undefined : { escapes: [...new Set(rule.escapes)], matrix: rule.matrix },
    require: rule.require,
    enforce: rule.enforce,
    issuers: rule.require === 'public' ? NONE : rule.issuers ?? around.issuers,
    upstream,
    withoutCredential: (rule.credential ?? defaults.credential) === 'none',
    rewrite: rule.rewrite ?? defaults.rewrite,
    timeout,
    idle_timeout: rule.idle_timeout ?? defaults.idle_timeout ?? ofUpstream?.idle_timeout ?? IDLE_TIMEOUT_MS,
    retry: retry === 'none' ? undefined : retry,
    idempotency: rule.idempotency && { ...rule.idempotency, wait: rule.idempotency.wait ?? timeout },
    rate_limits: rule.rate_limit === undefined ? around.defaultLimits : rule.rate_limit.map(ownLimit),
    body_limit: rule.body_limit ?? defaults.body_limit,
    headers: rule.headers === undefined ? inherited.headers : mergeHeaders([...requestLayers(ofUpstream, defaults), rule.headers]),
    response_headers: rule.response_headers === undefined ? inherited.response_headers : mergeHeaders([...answerLayers(ofUpstream, defaults), rule.response_headers]),
    identity: rule.identity === undefined ? around.identity : identityOf(rule.identity),
    refuse_query: rule.refuse_query === undefined ? inherited.refuse_query : queryOf(ofUpstream, [defaults.refuse_query, rule.refuse_query]),
    batch: rule.batch
  }
}

function inheritedFrom (upstream: string, { defaults, gateway, inherited }: Around): Inherited {
  const known = inherited.get(upstream)
  if (known !== undefined) return known
  const own = gateway.upstreams[upstream]
  const made = {
    headers: mergeHeaders(requestLayers(own, defaults)),
    response_headers: mergeHeaders(answerLayers(own, defaults)),
    refuse_query: queryOf(own, [defaults.refuse_query])
  }
  inherited.set(upstream, made)
  return made
}

function erpOf (upstream: Upstream | undefined): ErpProfile {
  return ERPS[upstream?.erp ?? 'generic']
}

// Beneath all others: what the operator sets stands, and no `keep` can name what is an ERP's own.
function requestLayers (upstream: Upstream | undefined, defaults: Defaults): Array<HeaderLayer | undefined> {
  return [{ remove: erpOf(upstream).headers }, upstream?.headers, defaults.headers]
}

function answerLayers (upstream: Upstream | undefined, defaults: Defaults): Array<HeaderLayer | undefined> {
  return [{ remove: erpOf(upstream).answerHeaders }, upstream?.response_headers, defaults.response_headers]
}

// Names are only ever added: what one refuses, none allows.
function queryOf (upstream: Upstream | undefined, more: ReadonlyArray<readonly string[] | undefined>): QueryRules {
  const { query, methodOverrides } = erpOf(upstream)
  return { refused: [...new Set([query, upstream?.refuse_query ?? NONE, ...more.map(names => names ?? NONE)].flat())], overrides: methodOverrides }
}

function ownLimit (limit: RateLimit): RouteLimit {
  return { ...limit, shared: false }
}

interface HeaderLayer {
  readonly set?: Readonly<Record<string, string>> | undefined
  readonly remove?: readonly string[] | undefined
  readonly keep?: readonly string[] | undefined
}

/** The last layer that speaks of a header has the last word on it. */
export function mergeHeaders (layers: ReadonlyArray<HeaderLayer | undefined>): HeaderRules {
  const words = new Map<string, { name: string, value?: string, word: 'set' | 'remove' | 'keep' }>()
  for (const layer of layers) {
    for (const name of layer?.keep ?? []) words.set(foldHeaderName(name), { name, word: 'keep' })
    for (const name of layer?.remove ?? []) words.set(foldHeaderName(name), { name, word: 'remove' })
    for (const [name, value] of Object.entries(layer?.set ?? {})) words.set(foldHeaderName(name), { name, value, word: 'set' })
  }
  const all = [...words.values()]
  const namesOf = (wanted: string) => all.flatMap(({ name, word }) => word === wanted ? [name.toLowerCase()] : [])
  const set = Object.fromEntries(all.flatMap(({ name, value, word }) => word === 'set' && value !== undefined ? [[name, value]] : []))
  return { set, remove: namesOf('remove'), keep: namesOf('keep') }
}

export function identityOf (identity: Rule['identity']): IdentityHeader[] {
  return Object.entries(identity?.headers ?? {}).map(([header, { name, path }]) => ({ header, claim: name, path }))
}

// allowed_clients may use the names from `clients`; from here on it holds ids.
function settleIssuers (gateway: GatewayFile): GatewayFile {
  const issuers = Object.fromEntries(Object.entries(gateway.issuers).map(([name, issuer]): [string, Issuer] => [name, {
    ...issuer,
    allowed_clients: issuer.allowed_clients?.map(one => clientId(issuer, one))
  }]))
  return { ...gateway, issuers }
}

function settleUpstreams ({ upstreams }: GatewayFile, rules: readonly Route[]): GatewayFile['upstreams'] {
  return Object.fromEntries(Object.entries(upstreams).map(([name, upstream]) => {
    const paths = rules.flatMap(({ upstream: of, rewrite, match }) => of === name ? [rewrite ?? match.path] : [])
    return [name, { ...upstream, csrf: csrfOf(upstream, paths) }]
  }))
}

function clientId ({ clients = {} }: Issuer, nameOrId: string): string {
  return Object.hasOwn(clients, nameOrId) ? clients[nameOrId] ?? nameOrId : nameOrId
}

function deepFreeze<T> (value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const part of Object.values(value)) deepFreeze(part)
  }
  return value
}

/** The folded names of the headers in which an upstream's credential is shown, and the token of its session. */
export function credentialHeaders ({ credential, csrf }: Pick<Upstream, 'credential' | 'csrf'>): string[] {
  return [...shownIn(credential), ...csrf === undefined || csrf === 'none' ? [] : [foldHeaderName(csrf.header)]]
}

function shownIn (credential: Upstream['credential']): string[] {
  if (isTokenCredential(credential)) return [foldHeaderName(credential.header)]
  if (credential.kind === 'basic') return ['authorization']
  return credential.kind === 'headers' ? Object.keys(credential.headers).map(foldHeaderName) : []
}
