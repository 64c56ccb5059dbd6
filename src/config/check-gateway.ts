import { PROFILES, profileOfUrl } from '../policy/profiles/index.ts'
import { checkCredential, checkCredentialCertificates } from './check-credential.ts'
import { checkReachable } from './check-urls.ts'
import { checkClientTls, checkServerTls } from './check-tls.ts'
import { isTokenCredential } from './credential-schema.ts'
import type { Draft } from './draft.ts'
import { lacksCsrf } from './csrf-of-erp.ts'
import { erpOfUrl } from './erps/index.ts'
import type { Issuer, Upstream } from './gateway-schema.ts'
import type { Path } from './mistakes.ts'
import { credentialHeaders } from './merge.ts'
import { isObject } from './objects.ts'
import { foldHeaderName } from './header-rules.ts'
import { isLoopback, whyNotRedis } from './urls.ts'
import { isEndless } from './windows.ts'
import { rawAt } from './zod-mistakes.ts'

/** What in gateway.yaml no key can tell by itself. @param now ms since the epoch */
export function checkGateway (draft: Draft, now: number): void {
  checkPorts(draft)
  checkCertificates(draft, now)
  for (const [name, issuer] of Object.entries(draft.issuers ?? {})) checkIssuer(draft, name, issuer)
  checkIssuersDiffer(draft)
  for (const [name, upstream] of Object.entries(draft.upstreams ?? {})) {
    checkUpstream(draft, name, upstream)
    checkErp(draft, name, upstream)
    checkSessions(draft, name, upstream)
    checkMaintenance(draft, name, upstream, now)
  }
  checkRedis(draft)
  checkTelemetry(draft, now)
}

function checkCertificates ({ config, listen, issuers = {}, upstreams = {} }: Draft, now: number): void {
  checkServerTls(config, ['listen', 'tls'], listen.tls, now)
  for (const [name, { tls, issuer, discovery, jwks_uri: keys }] of Object.entries(issuers)) checkClientTls(config, ['issuers', name, 'tls'], tls, [issuer, discovery, keys], now)
  for (const [name, { tls, url = [], credential }] of Object.entries(upstreams)) {
    checkClientTls(config, ['upstreams', name, 'tls'], tls, url, now)
    if (credential !== undefined) checkCredentialCertificates(config, ['upstreams', name, 'credential', credential.kind], credential, now)
  }
}

function checkPorts ({ config, listen, admin }: Draft): void {
  if (listen.port !== undefined && listen.port !== 0 && listen.port === admin.port && overlap(listen.host, admin.host)) {
    config.report(['admin', 'port'], 'is the port of listen too: nothing of the admin port may be reachable there')
  }
  if (admin.console === true && rawAt(config.value, ['admin', 'token']) === undefined && admin.host !== undefined && !isLoopback(admin.host)) {
    config.report(['admin', 'console'], 'off loopback the console wants a token: say admin.token, or leave this out')
  }
  if (listen.rate_limit !== undefined && listen.trusted_proxies?.length === 0) {
    config.report(['listen', 'rate_limit'], 'trusted_proxies is empty: behind a proxy all callers would count as one address', { severity: 'warning' })
  }
  if (listen.max_token_size !== undefined && listen.max_header_size !== undefined && listen.max_token_size >= listen.max_header_size) {
    config.report(['listen', 'max_token_size'], 'a token of this size never arrives: max_header_size is no larger', { severity: 'warning' })
  }
}

function overlap (one = '', other = ''): boolean {
  const everywhere = (host: string) => host === '0.0.0.0' || host === '::'
  return one === other || everywhere(one) || everywhere(other)
}

function checkIssuer ({ config }: Draft, name: string, issuer: Partial<Issuer>): void {
  const path: Path = ['issuers', name]
  const has = (key: string) => rawAt(config.value, [...path, key]) !== undefined
  for (const key of ['issuer', 'discovery', 'jwks_uri'] as const) checkReachable(config, [...path, key], issuer[key], issuer.allow_http)
  if (!isObject(rawAt(config.value, path))) return

  const profile = issuer.idp === undefined ? undefined : PROFILES[issuer.idp]
  if (profile?.needsAllowedClients === true && !has('allowed_clients')) {
    config.report(path, `allowed_clients is missing: ${profile.name} access tokens name no audience, so any app of the pool would pass`)
  } else if (!has('audience') && !has('allowed_clients')) {
    config.report(path, 'audience is missing: name this API\'s audience, or the allowed_clients')
  }
  if (profile?.tellsAccessTokens === false || (profile?.tellsAccessTokens === 'with access_token_when' && !has('access_token_when'))) {
    config.report([...path, 'idp'], `${profile.name} alone cannot tell an access token from an ID token: say access_token_when`)
  }
  checkMarkers(config, path, issuer)
  if (profile?.wantsTenantClaims === true && !has('claims')) {
    config.report(path, 'many tenants share this issuer: name yours in claims, or the tokens of every tenant pass', { severity: 'warning' })
  }
  if (issuer.issuer === undefined) return
  const url = new URL(issuer.issuer)
  const known = profileOfUrl(url)
  if (known !== undefined && !has('idp')) {
    config.report([...path, 'issuer'], `this is the URL of a known IdP: say idp: ${known}`, { severity: 'warning' })
  }
  if (/^\/(?:common|organizations|consumers|\{tenantid\})\//.test(decodeURI(url.pathname)) && url.hostname.startsWith('login.microsoftonline.')) {
    config.report([...path, 'issuer'], 'no token has this `iss`: put your tenant\'s id in its place', { severity: 'warning' })
  }
}

// An ID token carries these too, so a marker of them alone would make it an access token.
const OF_EVERY_TOKEN = new Set(['iss', 'sub', 'exp', 'iat', 'nbf', 'azp', 'auth_time', 'nonce', 'acr', 'amr', 'sid', 'at_hash', 'name', 'email', 'preferred_username'])

function checkMarkers (config: Draft['config'], path: Path, { access_token_when: access, user_when: user, client_when: client }: Partial<Issuer>): void {
  if (access?.every(({ name }) => OF_EVERY_TOKEN.has(name)) === true) {
    config.report([...path, 'access_token_when'], 'ID tokens carry these claims too: name one that only access tokens have')
  }
  if (user !== undefined && client !== undefined && JSON.stringify(user) === JSON.stringify(client)) {
    config.report([...path, 'client_when'], 'is the same as user_when: every principal would be unknown')
  }
}

function checkIssuersDiffer ({ config, issuers = {} }: Draft): void {
  const seen = new Map<string, string>()
  for (const [name, { issuer }] of Object.entries(issuers)) {
    if (issuer === undefined) continue
    const first = seen.get(issuer)
    if (first === undefined) seen.set(issuer, name)
    else config.report(['issuers', name, 'issuer'], `issuers.${first} has this \`iss\` too: one \`iss\` is one issuer`)
  }
}

function checkUpstream (draft: Draft, name: string, upstream: Partial<Upstream>): void {
  const { config } = draft
  const path: Path = ['upstreams', name]
  checkHosts(draft, path, upstream)
  checkTimes(draft, path, upstream)
  const { credential } = upstream
  if (credential === undefined) return
  checkCsrf(draft, path, { ...upstream, credential })
  const own = credentialHeaders({ credential, csrf: upstream.csrf })
  for (const header of Object.keys(upstream.headers?.set ?? {})) {
    if (own.includes(foldHeaderName(header))) config.report([...path, 'headers', 'set', header], 'this header carries the upstream\'s credential', { on: 'key' })
  }
  checkCredential(draft, path, upstream, credential)
}

function checkErp ({ config }: Draft, name: string, { url: [first] = [] }: Partial<Upstream>): void {
  if (rawAt(config.value, ['upstreams', name, 'erp']) !== undefined) return
  const known = first === undefined ? undefined : erpOfUrl(new URL(first))
  if (known !== undefined) config.report(['upstreams', name, 'url', 0], `this is the URL of a known ERP: say erp: ${known}`, { severity: 'warning' })
}

// A request that writes would be 403 there.
function checkSessions ({ config, rules, defaults, upstreams = {} }: Draft, name: string, upstream: Partial<Upstream>): void {
  const [only, ...others] = Object.keys(upstreams)
  const own = rules.filter(rule => (rule.upstream ?? defaults.upstream ?? (others.length === 0 ? only : undefined)) === name)
  const writes = own.some(({ match }) => match?.methods.some(method => method !== 'GET' && method !== 'HEAD' && method !== 'OPTIONS') === true)
  const paths = own.flatMap(({ rewrite = defaults.rewrite, match }) => rewrite ?? match?.path ?? [])
  if (writes && lacksCsrf(upstream, paths)) config.report(['upstreams', name, 'erp'], 'wants sessions with CSRF tokens for requests that write, and no rule names a service that gives them: say csrf: { path: … }, or csrf: none', { severity: 'warning' })
}

function checkMaintenance ({ config }: Draft, name: string, { maintenance }: Partial<Upstream>, now: number): void {
  maintenance?.forEach((window, at) => {
    const path: Path = ['upstreams', name, 'maintenance', at]
    if (window.kind === 'once' && window.to <= window.from) config.report([...path, 'to'], 'is not after from')
    else if (window.kind === 'once' && window.to <= now) config.report([...path, 'to'], 'this window is over', { severity: 'warning' })
    if (isEndless(window, now)) config.report([...path, 'for'], 'the next window begins before this one ends, again and again: it would never be over')
  })
}

function checkCsrf ({ config }: Draft, path: Path, { credential, csrf, hold_body: held }: Partial<Upstream> & Pick<Upstream, 'credential'>): void {
  if (csrf === undefined || csrf === 'none') return
  const shown = credentialHeaders({ credential, csrf: undefined })
  if (shown.includes(foldHeaderName(csrf.header))) config.report([...path, 'csrf', 'header'], 'this header carries the upstream\'s credential')
  if (shown.includes('cookie')) config.report([...path, 'csrf'], 'the credential is a cookie: a session has its own', { on: 'key' })
  if (held === 0) config.report([...path, 'hold_body'], 'keeps no body: a request with one cannot be sent again when its session has ended, and is 502 then', { severity: 'warning' })
}

function checkRedis ({ config, redis, upstreams }: Draft): void {
  const has = (...path: Path) => rawAt(config.value, path) !== undefined
  if (!has('redis')) return
  const problem = redis.url === undefined ? undefined : whyNotRedis(redis.url, redis.allow_plaintext === true)
  if (problem !== undefined) config.report(['redis', 'url'], problem)
  if (has('redis', 'username') && !has('redis', 'password')) config.report(['redis', 'username'], 'wants a password beside it')
  const fetches = Object.values(upstreams ?? {}).some(({ credential }) => credential !== undefined && isTokenCredential(credential))
  if (fetches && !has('redis', 'keys')) {
    config.report(['redis'], 'keys is missing: each process has machine tokens of its own, and shares none', { severity: 'warning', on: 'key' })
  }
}

function checkTelemetry ({ config, telemetry: { otlp } }: Draft, now: number): void {
  if (otlp === undefined) return
  checkReachable(config, ['telemetry', 'otlp', 'endpoint'], otlp.endpoint, otlp.allow_http)
  checkClientTls(config, ['telemetry', 'otlp', 'tls'], otlp.tls, [otlp.endpoint], now)
}

function checkHosts ({ config }: Draft, path: Path, { url: urls = [], health_check: check, allow_http: allowHttp }: Partial<Upstream>): void {
  const [first] = urls
  const seen = new Set<string>()
  urls.forEach((url, at) => {
    const place = [...path, 'url', at]
    checkReachable(config, place, url, allowHttp)
    const { protocol, origin, pathname } = new URL(url)
    const model = new URL(first ?? url)
    if (protocol !== model.protocol || pathname.replace(/\/$/, '') !== model.pathname.replace(/\/$/, '')) config.report(place, 'differs from the first in more than host and port: one ERP has one scheme and one path')
    if (seen.has(origin)) config.report(place, 'stands here already')
    seen.add(origin)
  })
  if (urls.length === 1 && check !== undefined) config.report([...path, 'health_check'], 'has no say over requests: with one host there is no other to take', { severity: 'warning', on: 'key' })
}

function checkTimes ({ config }: Draft, path: Path, { timeout, total_timeout: total, concurrency }: Partial<Upstream>): void {
  if (total === undefined) return
  if (timeout !== undefined && timeout > total) config.report([...path, 'timeout'], 'total_timeout is shorter and ends the request before', { severity: 'warning' })
  if (concurrency !== undefined && concurrency.queue_timeout >= total) config.report([...path, 'total_timeout'], 'is no longer than concurrency.queue_timeout: a request may wait until no time is left', { severity: 'warning' })
}
