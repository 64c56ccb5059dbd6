import type { Route } from '../config/configuration.ts'
import type { TrustedIssuer } from '../inbound/verify.ts'
import type { Principal } from '../policy/principal.ts'
import type { ProblemCode, ToldRefusal } from '../policy/problems.ts'
import { sentenceOf } from './sentence.ts'

/** What is known of a refused request when somebody asks what to do about it. */
export interface Refused {
  readonly refusal: ToldRefusal
  readonly route: Route | undefined
  readonly principal: Principal | undefined
  readonly issuer: Pick<TrustedIssuer, 'name' | 'audience'> | undefined
}

/** What to do about a refusal, in one line. */
export function remedyFor (refused: Refused): string {
  const remedy = REMEDIES[refused.refusal.code]
  return typeof remedy === 'string' ? remedy : remedy(refused)
}

type Remedy = string | ((refused: Refused) => string)

const SEND_PLAINLY = 'Send the request in the one plain spelling: no dot segments, no //, no \\ or ;, no escapes of such characters, the letter case of the rule.'
const ERP_SIDE = 'Nothing is wrong with the caller or the rule: look at the upstream, and at its settings in gateway.yaml.'

const REMEDIES: Readonly<Record<ProblemCode, Remedy>> = {
  'target-ambiguous': ({ refusal: { extras } }) => `${SEND_PLAINLY}${extras.saw === undefined ? '' : ` Seen: ${extras.saw}.`}`,
  'request-malformed': 'Send one Host, one Content-Length or chunked, and HTTP/1.1; a proxy in front may be writing it twice.',
  'header-ambiguous': ({ refusal: { extras } }) => `Rename the header${extras.saw === undefined ? '' : ` ${extras.saw}`}: with _ it spells one that the gateway writes or removes.`,
  'idempotency-key-missing': 'Send a key of your own with each write, as idempotency of the rule names the header, and the same key when it is repeated.',
  'idempotency-key-malformed': 'Send one key of 1 to 255 visible ASCII characters.',
  'idempotency-caller-unnamed': 'The token does not name its user (sub) or client, so that nobody knows whose key it is: have the IdP write that claim.',
  'query-refused': ({ refusal: { extras } }) => `Take the parameter out of the query${extras.saw === undefined ? '' : ` (${extras.saw})`}: the ERP would take it for a login or another identity. What is refused is the erp profile of the upstream, and refuse_query.`,
  'method-override': 'Send the method that is meant as the method, and no X-HTTP-Method header.',
  'body-unexpected': 'Send GET and HEAD without a body; for a search with a body make it a POST rule.',
  'upgrade-unsupported': 'WebSockets are not relayed: have the client ask without Upgrade.',
  'credential-ambiguous': 'Send one Authorization header with one Bearer token; a proxy in front may be adding its own.',
  'credential-malformed': 'Send `Authorization: Bearer`, one space, and the token, without quotes or line breaks.',
  'credential-in-query': 'Take the token out of the query and send it in the Authorization header.',
  'route-not-found': ({ refusal: { extras } }) => `Add a rule for this path to routes.yaml, or ask for one that it has (countersign routes lists them).${extras.saw === undefined ? '' : ` Seen: ${extras.saw}.`}`,
  'method-not-allowed': ({ refusal: { extras } }) => `The rules of this very path allow ${extras.headers?.['Allow'] ?? 'other methods'}: send one of these, or name the method in a rule of this path. A broader rule is never asked.`,
  'request-timeout': 'The request came too slowly: see header_timeout, request_timeout and idle_timeout, and the connection of the caller.',
  'idempotency-in-progress': 'Wait for Retry-After, and repeat the request with the same key: the first one is still being carried out.',
  'idempotency-outcome-unknown': 'Look at the ERP whether the write was carried out, then send it with a new key if it was not.',
  'idempotency-mismatch': 'Take a new key for each new request: this one was used for another body, path or method.',
  'batch-malformed': ({ refusal: { detail } }) => `${detail} Write the batch to the letter of OData: CRLF line ends, one boundary, lengths that fit.`,
  'batch-ambiguous': ({ refusal: { detail } }) => `${detail} Write it in the one plain way: each name once, no preamble, no second reading.`,
  'batch-part-header': ({ refusal: { detail } }) => `${detail} Take the header out of that request: the gateway could not remove it there.`,
  'batch-part-unsupported': ({ refusal: { detail } }) => `${detail} Send that request by itself, outside of a batch.`,
  'batch-too-large': 'Send fewer requests in one batch, or raise batch.max_parts of the rule.',
  'body-too-large': 'Send a smaller body, or raise body_limit of the rule.',
  'target-too-long': 'Send a shorter target: at most 16 KiB.',
  'rate-limited': 'Wait for Retry-After, or raise rate_limit of the rule, of defaults, or of listen.',
  'headers-too-large': 'Send fewer or shorter headers (cookies of other services?), or raise listen.max_header_size.',

  'credential-missing': ({ route }) => `Send an access token in Authorization: Bearer. This route is for ${who(route)}.`,
  'token-not-jwt': ({ issuer }) => `Ask the identity provider for an access token with ${audience(issuer)}: without an audience many give an opaque one.`,
  'token-invalid': ({ refusal: { extras } }) => `The token is not one that gateway.yaml's issuers have signed${extras.saw === undefined ? '' : ` (${extras.saw})`}: compare its iss, to the letter, with issuers, and see that it was not cut or changed on its way.`,
  'token-expired': 'Get a new token. Where it was new, compare the clocks of the IdP and of this machine.',
  'token-times': 'The times in the token do not hold: compare the clocks of the IdP and of this machine, see clock_tolerance, and that the IdP writes exp in seconds.',
  'id-token': ({ issuer }) => `This is an ID token: it tells an app who logged in, and opens no API. Send the access token that came with it, asked for with ${audience(issuer)}.`,
  'token-kind': ({ issuer }) => `Send an access token, asked for with ${audience(issuer)}. Where this is one, see idp and access_token_when of issuer ${issuer?.name ?? ''} in gateway.yaml.`,
  'audience-mismatch': ({ issuer }) => `Ask the identity provider for a token with ${audience(issuer)}.`,
  'token-client-not-allowed': ({ principal, issuer }) => `Client ${principal?.client ?? 'unknown'} is not among allowed_clients of issuer ${issuer?.name ?? ''}: use another client, or add it there.`,
  'token-claims-mismatch': ({ refusal: { extras }, issuer }) => `The token lacks what claims of issuer ${issuer?.name ?? ''} ask of every token (${extras.saw ?? ''}): it may be another tenant's.`,
  'issuer-not-accepted': ({ route, principal }) => `This route takes tokens of ${route?.issuers.join(', ') ?? 'other issuers'}; this one is of ${principal?.issuer ?? 'another'}. Add it to the rule's issuers if it is meant to be taken.`,

  'principal-kind': principalKind,
  'scope-missing': refused => lacks(refused, 'Ask for a token with it, and see that the IdP grants it to this client.'),
  'permission-missing': refused => lacks(refused, 'Grant it at the IdP, and see that it writes permissions into access tokens.'),
  'role-missing': refused => lacks(refused, 'Give the role at the IdP, and see that it writes roles into access tokens.'),
  'client-not-listed': ({ principal }) => `Client ${principal?.client ?? 'unknown'} is not listed by this rule's client_id: use a client that is, or add it.`,
  'audience-missing': 'The token has none of the audiences that this rule asks for: ask for a token with one of them.',
  'claim-mismatch': ({ refusal: { detail } }) => `${detail} See the claim in the token, and that types agree: "1" is not 1.`,
  'where-not-met': ({ route }) => `The rule's where is not true for this caller and request: ${expressions(route)}`,
  'login-too-old': 'Have the user log in again, with max_age in the request for authorization (RFC 9470).',
  'login-too-weak': 'Have the user log in by a stronger method, with acr_values in the request for authorization (RFC 9470).',

  'issuer-keys-unavailable': ({ issuer }) => `The keys of issuer ${issuer?.name ?? ''} cannot be fetched from here: see its URL, discovery and the way to it (countersign doctor asks them all).`,
  'machine-token-unavailable': 'The IdP gives no machine token: see client_id, client_secret, audience and scope of the upstream\'s credential (countersign token shows the IdP\'s word).',
  overloaded: 'The gateway carries more than listen.overload allows: add replicas or workers, or raise the limits.',
  'store-unavailable': 'Redis cannot be reached, and a limit says on_store_failure: deny, or the rule remembers writes there: bring it back.',

  'upstream-credential-refused': 'The ERP refuses the gateway\'s own credential: see its audience, scope and client at the ERP (countersign token shows what it says).',
  'upstream-csrf-refused': 'The ERP does not take the gateway\'s session: see csrf.path (is it of the same client?), hold_body, and whether a load balancer splits sessions.',
  'upstream-csrf-unavailable': 'The ERP gives no CSRF token: ask for csrf.path by hand with the gateway\'s credential and X-CSRF-Token: Fetch.',
  'upstream-unresolved': 'The name in the upstream\'s url does not resolve here: see url, and the DNS of this machine.',
  'upstream-refused': 'Nothing listens where the upstream\'s url points to, or a firewall is in between.',
  'upstream-reset': ERP_SIDE,
  'upstream-tls': 'The ERP\'s certificate does not hold here: see its end, its name and its authority (tls.ca, tls.server_name).',
  'upstream-answer-invalid': ERP_SIDE,
  'upstream-timeout': 'The ERP took longer than timeout: see why it is slow, or raise timeout of the rule.',
  'upstream-busy': 'The ERP has as many requests as concurrency.max allows, and the queue is full: see why it is slow, or raise them.',
  'upstream-unavailable': 'The circuit breaker is open, for the ERP has failed again and again: see why; it closes by itself.',
  'upstream-maintenance': 'A maintenance window is open: wait for Retry-After. See maintenance of the upstream.',
  'client-gone': 'The caller went away before its answer: see its own time limits.',
  'upstream-broken-off': ERP_SIDE,
  internal: 'The gateway failed: see its log line with this decision, and report it.'
}

function principalKind ({ route, principal }: Refused): string {
  const wanted = who(route)
  switch (principal?.kind) {
    case 'user': return `This is a user's token; this route is for ${wanted}. Have the machine ask for a token of its own (client credentials), or add user to the rule.`
    case 'client': return `This is a client's own token; this route is for ${wanted}. Have it send the token of the user for whom it acts, or add client to the rule.`
    case 'agent': return `This is an AI agent's own token, which no route takes; this one is for ${wanted}. Have the agent act with a user's token.`
    default: return `Nothing in the token proves a user or a client; this route is for ${wanted}. See idp of issuer ${principal?.issuer ?? ''}, and user_when and client_when, in gateway.yaml.`
  }
}

function lacks ({ refusal: { detail } }: Refused, then: string): string {
  return `${detail} ${then}`
}

function who (route: Route | undefined): string {
  return route === undefined ? 'whom its rule names' : sentenceOf(route)
}

function audience (issuer: Refused['issuer']): string {
  return issuer === undefined || issuer.audience.length === 0 ? "this API's audience" : `audience ${issuer.audience.join(' or ')}`
}

function expressions (route: Route | undefined): string {
  if (route === undefined || route.require === 'public') return ''
  return route.require.flatMap(({ conditions: { where } }) => where ?? []).join('; ')
}
