import httpProxy from '@fastify/http-proxy'
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import { METHODS as HTTP_METHODS, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Logger } from 'pino'
import { NO_SCHEMAS } from './common/no-schemas.ts'
import type { Configuration } from './config/configuration.ts'
import { createLimits } from './inbound/limits.ts'
import type { CounterStore } from './inbound/shared-counting.ts'
import { problemAnswer } from './inbound/problem-answer.ts'
import { createProxyTrust, type TrustsPeer } from './inbound/proxies.ts'
import { createRequestGuard } from './inbound/request-guard.ts'
import { itsTurn } from './inbound/turn.ts'
import { answerParserError, expectsContinue, listenForExpectations, refuseConnect } from './inbound/server-events.ts'
import type { PrincipalCache } from './inbound/principal-cache.ts'
import { createVerifier, type TrustedIssuer } from './inbound/verify.ts'
import { journey, type Asked, type Stages } from './journey.ts'
import { auditLine } from './observe/audit-line.ts'
import { AuditRecord, requestIdOf } from './observe/audit.ts'
import type { Metrics } from './observe/metrics.ts'
import { bodyIsOpen, endAfterBody } from './outbound/linger.ts'
import { isRemovedAlways } from './outbound/upstream-headers.ts'
import type { Upstream } from './outbound/upstreams.ts'
import { compileMatcher } from './policy/match.ts'
import { METHODS } from './policy/pattern.ts'
import { PROBLEMS, Refusal, refuse } from './policy/problems.ts'
import { compileRoutes, headersOfAll } from './routes.ts'
import { callUpstream, type Ended, type Visit } from './upstream-call.ts'

/** What the data plane is built from; all of it comes from outside. */
export interface GatewayParts {
  readonly configuration: Configuration
  readonly issuers: readonly TrustedIssuer[]
  readonly cache: PrincipalCache
  readonly upstreams: ReadonlyMap<string, Upstream>
  /** where replicas count requests together, if they do */
  readonly counters?: CounterStore | undefined
  readonly metrics: Metrics
  readonly log: Logger
  /** takes the line of each request that ended; undefined where none is written */
  readonly audit: ((line: string) => void) | undefined
  readonly isDraining: () => boolean
  /** ms since the epoch */
  readonly now: () => number
}

/** The data plane: one Fastify app in which every request, whatever its path or method, takes the one journey. */
export async function buildGateway (parts: GatewayParts): Promise<FastifyInstance> {
  const { configuration: { gateway: { listen, log: { requests: logsRequests }, problems_base: problemsBase } }, metrics, log } = parts
  const trustsPeer = createProxyTrust(listen.trusted_proxies)
  const refusedUnread = (refusal: Refusal, decisionId: string, requestId: string): void => {
    if (logsRequests) log.info({ decision: decisionId, request: requestId, status: PROBLEMS[refusal.code].status, granted: false, code: refusal.code, saw: refusal.extras.saw }, 'request')
    metrics.refusedByParser(refusal)
  }
  const app = Fastify({
    logger: false,
    schemaController: NO_SCHEMAS,
    // The path is policy's to read: whatever it is, there is one route.
    rewriteUrl: () => '/',
    trustProxy: listen.trusted_proxies.length === 0 ? false : trustsPeer,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    requestTimeout: 0,
    http: {
      maxHeaderSize: listen.max_header_size,
      headersTimeout: listen.header_timeout,
      connectionsCheckingInterval: Math.min(1000, listen.header_timeout),
      requireHostHeader: false
    },
    clientErrorHandler (error, socket) {
      answerParserError(error, socket, problemsBase, refusedUnread)
    }
  })
  // Headers beyond Node's usual 2000 would be dropped silently; their size is limited instead.
  app.server.maxHeadersCount = 0
  refuseConnect(app.server, problemsBase, refusedUnread)

  const stages = await createStages(app, parts, trustsPeer)
  const travel = (incoming: IncomingMessage, response: ServerResponse, framed?: FastifyRequest): void => { answer(parts, stages, { incoming, framed }, response) }
  // It hears every request, matched or not, before a body is looked at, and passes none on: what comes after is not
  // reached. The proxy is what is mounted there, for it keeps the framework from parsing bodies.
  app.addHook('onRequest', (request, reply, _next) => {
    reply.hijack()
    travel(request.raw, reply.raw, request)
  })
  await app.register(httpProxy, { upstream: 'http://upstream.invalid', routes: ['/'], httpMethods: [...METHODS] })
  // What counts requests, and what reads X-Forwarded-For, wants the framework's request. Where nothing of the kind is
  // configured, to make one and route it is the dearest thing that the gateway would do by itself.
  serve(app, travel, stages.limits.any || listen.trusted_proxies.length > 0)
  return app
}

type Listener = (incoming: IncomingMessage, response: ServerResponse) => void

function serve (app: FastifyInstance, travel: Listener, byFramework: boolean): void {
  const { server } = app
  const listener: Listener = (incoming, response) => {
    if (!KNOWN_METHODS.has(incoming.method ?? '')) makeUnservable(incoming)
    if (byFramework) app.routing(incoming, response)
    else travel(incoming, response)
  }
  server.off('request', app.routing)
  server.on('request', listener)
  listenForExpectations(server, listener)
}

const KNOWN_METHODS = new Set(HTTP_METHODS)

// Node's parser takes the methods of RTSP too, of which the framework's router knows nothing: it would answer by itself.
// By another name, and a version that the guard refuses, the request takes the journey that all take.
function makeUnservable (incoming: IncomingMessage): void {
  incoming.method = 'OPTIONS'
  incoming.httpVersion = 'none'
}

async function createStages (app: FastifyInstance, { configuration, issuers, cache, upstreams, counters, now }: GatewayParts, trustsPeer: TrustsPeer): Promise<Stages> {
  const { gateway: { listen, on_store_failure: onFailure } } = configuration
  const limits = await createLimits(app, listen.rate_limit, configuration.routes, counters && { store: counters, onFailure })
  const removed = configuration.routes.flatMap(({ headers }) => headers.remove)
  const ours = new Set([...headersOfAll(configuration.routes, upstreams), ...removed])
  return {
    limits,
    guard: createRequestGuard(name => isRemovedAlways(name) || ours.has(name)),
    matcher: compileMatcher(compileRoutes(configuration, upstreams, limits)),
    cache,
    verifier: createVerifier(issuers, listen.max_token_size, now),
    trustsPeer,
    now
  }
}

function answer (parts: GatewayParts, stages: Stages, asked: Asked, response: ServerResponse): void {
  const { incoming } = asked
  const record = new AuditRecord(requestIdOf(incoming.headers['x-request-id']), incoming.method ?? '')
  const visit: Visit = { incoming, response, record, isDraining: parts.isDraining }
  parts.metrics.inFlight.inc()
  try {
    const turn = itsTurn(incoming, response)
    const ended = turn === undefined ? admitAndCall(stages, asked, visit) : turn.then(() => inTurn(stages, asked, visit))
    ended.then(outcome => { end(parts, record, outcome) }, (error: unknown) => { endRefused(parts, visit, error) })
  } catch (error) {
    endRefused(parts, visit, error)
  }
}

function inTurn (stages: Stages, asked: Asked, visit: Visit): Promise<Ended> {
  // Between its turn and this moment its parser may have refused the rest of it, and answered.
  if (visit.response.socket === null) throw refuse('client-gone', 'The request broke off.')
  return admitAndCall(stages, asked, visit)
}

function admitAndCall (stages: Stages, asked: Asked, visit: Visit): Promise<Ended> {
  const admitted = journey(stages, asked, visit.record)
  return admitted instanceof Promise ? admitted.then(late => callUpstream(visit, late)) : callUpstream(visit, admitted)
}

function end (parts: GatewayParts, record: AuditRecord, outcome: Ended): void {
  record.upstreamStatus = outcome.status
  if (outcome.kind === 'answered') {
    conclude(parts, record, outcome.status)
  } else {
    record.refusal = outcome.refusal
    conclude(parts, record, PROBLEMS[outcome.refusal.code].status)
  }
}

function endRefused (parts: GatewayParts, { incoming, response, record }: Visit, error: unknown): void {
  record.refusal = asRefusal(error)
  record.principal ??= record.refusal.extras.principal
  refuseCaller(incoming, response, record, parts.configuration.gateway.problems_base, parts.isDraining())
  conclude(parts, record, PROBLEMS[record.refusal.code].status)
}

function conclude ({ metrics, audit }: GatewayParts, record: AuditRecord, status: number): void {
  metrics.inFlight.dec()
  metrics.request(record, status)
  audit?.(auditLine(record, status))
}

// The one translator: whatever was thrown, a caller sees one of our own problems and nothing of what caused it.
function refuseCaller (incoming: IncomingMessage, response: ServerResponse, { refusal = refuse('internal', ''), decisionId, requestId }: AuditRecord, problemsBase: string, draining: boolean): void {
  if (response.destroyed || response.headersSent || refusal.code === 'client-gone') {
    response.destroy()
    return
  }
  const problem = problemAnswer(refusal, { decisionId, requestId, problemsBase })
  if ((bodyIsOpen(incoming) || draining || isFramedInTwoWays(incoming)) && refusal.extras.headers?.Connection === undefined) problem.headers.push('Connection', 'close')
  const body = incoming.method === 'HEAD' ? undefined : problem.body
  response.writeHead(problem.status, problem.headers)
  // A caller that waits for 100 Continue sends nothing; there is nothing to wait for.
  if (expectsContinue(incoming)) response.end(body)
  else endAfterBody(response, body)
}

// Whatever it is refused for, and however early: what follows such a request may be anybody's idea of its body.
function isFramedInTwoWays ({ headers: { 'transfer-encoding': coding }, httpVersion }: IncomingMessage): boolean {
  return coding !== undefined && (coding.toLowerCase() !== 'chunked' || httpVersion !== '1.1')
}

function asRefusal (error: unknown): Refusal {
  return error instanceof Refusal ? error : refuse('internal', 'The gateway failed. The request was not carried out, or not to its end.', { cause: error })
}
