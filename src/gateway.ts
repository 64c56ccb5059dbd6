import httpProxy from '@fastify/http-proxy'
import Fastify, { type FastifyInstance, type FastifyRequest, type FastifyServerOptions } from 'fastify'
import { METHODS as HTTP_METHODS, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { Server as TlsServer } from 'node:tls'
import type { Logger } from 'pino'
import { admitBatch } from './batch.ts'
import { callOnce } from './calling/call-once.ts'
import { callUpstream, type Ended, type Visit } from './calling/upstream-call.ts'
import { NO_SCHEMAS } from './common/no-schemas.ts'
import { isTlsError } from './common/tls-errors.ts'
import type { Listen } from './config/gateway-schema.ts'
import type { Generation } from './generation.ts'
import { serveHttp2 } from './inbound/http2.ts'
import { registerCounting } from './inbound/limits.ts'
import { problemAnswer } from './inbound/problem-answer.ts'
import { answerParserError, expectsContinue, listenForExpectations, refuseConnect } from './inbound/server-events.ts'
import { endFailedHandshakes, listenerTls, tlsErrorReason } from './inbound/tls.ts'
import { itsTurn } from './inbound/turn.ts'
import { journey, targetOf, type Admitted, type Asked, type Stages } from './journey.ts'
import { AuditRecord, requestIdOf } from './observe/audit.ts'
import type { PastRefusals, Refused } from './observe/decisions.ts'
import type { Metrics } from './observe/metrics.ts'
import { bodyIsOpen, endAfterBody } from './outbound/linger.ts'
import { METHODS } from './policy/pattern.ts'
import { PROBLEMS, Refusal, refuse } from './policy/problems.ts'
import type { Shadow } from './shadow/shadow.ts'

/** What the data plane is built from; all of it comes from outside. */
export interface GatewayParts {
  /** how the port is opened; the rest of a configuration is its generation's */
  readonly listen: Listen
  /** what requests that come now go by; asked for with the first of them */
  readonly current: () => Generation
  readonly metrics: Metrics
  readonly log: Logger
  /** takes the line of each request that ended, where `log.requests` says so */
  readonly audit: (line: string) => void
  readonly isDraining: () => boolean
  /** whether a request that has come is to be turned away */
  readonly sheds: () => boolean
  /** what was refused, for whoever asks why */
  readonly refusals: PastRefusals
  /** who decides each request once more, by other rules, and says what would be otherwise; undefined where nobody does */
  readonly shadow: Pick<Shadow, 'saw'> | undefined
}

/** Of what the parser refused there is no request to tell of. */
const UNREAD = { method: '?', target: '(not read)' }

/** The data plane: one Fastify app in which every request, whatever its path or method, takes the one journey. */
export async function buildGateway (parts: GatewayParts): Promise<FastifyInstance> {
  const { listen, current, metrics, log, refusals } = parts
  const problemsBase = (): string => current().configuration.gateway.problems_base
  const refusedUnread = (refusal: Refusal, decisionId: string, requestId: string): void => {
    if (current().logsRequests) log.info({ decision: decisionId, request: requestId, status: PROBLEMS[refusal.code].status, granted: false, code: refusal.code, saw: refusal.extras.saw, config: current().configurationHash }, 'request')
    metrics.refusedByParser(refusal)
    refusals.keep({ decision: decisionId, ...UNREAD, rule: undefined, principal: undefined, refusal, letThrough: false, configuration: current().configuration })
  }
  const http = {
    maxHeaderSize: listen.max_header_size,
    headersTimeout: listen.header_timeout,
    connectionsCheckingInterval: Math.min(1000, listen.header_timeout),
    requireHostHeader: false
  }
  const brokenTls = (code: string, socket: Socket): void => {
    metrics.tlsError(tlsErrorReason(code))
    log.debug({ problem: code }, 'TLS of a caller came to nothing')
    socket.destroy()
  }
  const app = Fastify({
    logger: false,
    schemaController: NO_SCHEMAS,
    // The path is policy's to read: whatever it is, there is one route.
    rewriteUrl: () => '/',
    trustProxy: peer => current().stages.trustsPeer(peer),
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    requestTimeout: listen.request_timeout ?? 0,
    keepAliveTimeout: listen.keep_alive_timeout,
    ...listen.tls === undefined ? { http } : { https: { ...http, ...listenerTls(listen.tls), ALPNProtocols: listen.tls.http2 ? ['h2', 'http/1.1'] : ['http/1.1'], handshakeTimeout: listen.header_timeout } },
    clientErrorHandler (error, socket) {
      if (listen.tls !== undefined && isTlsError(error.code)) brokenTls(error.code, socket)
      else answerParserError(error, socket, problemsBase(), refusedUnread)
    }
  // With TLS it is an https.Server, in which all is that the gateway wants of an http.Server.
  } as FastifyServerOptions)
  if (app.server instanceof TlsServer) endFailedHandshakes(app.server, brokenTls)
  if (app.server instanceof TlsServer && listen.tls?.http2 === true) {
    const leave = serveHttp2(app.server, {
      maxHeaderSize: () => current().configuration.gateway.listen.max_header_size,
      onEnd (reason, code) {
        metrics.http2End(reason)
        log.debug({ problem: code }, 'an HTTP/2 connection was ended')
      }
    })
    app.addHook('preClose', done => {
      leave()
      done()
    })
  }
  // Headers beyond Node's usual 2000 would be dropped silently; their size is limited instead.
  app.server.maxHeadersCount = 0
  app.server.on('drop', metrics.connectionDropped)
  tune(app, listen)
  refuseConnect(app.server, problemsBase, refusedUnread)
  await registerCounting(app)

  const travel = (incoming: IncomingMessage, response: ServerResponse, framed?: FastifyRequest): void => { answer(parts, { incoming, framed }, response) }
  // It hears every request, matched or not, before a body is looked at, and passes none on: what comes after is not
  // reached. The proxy is what is mounted there, for it keeps the framework from parsing bodies.
  app.addHook('onRequest', (request, reply, _next) => {
    reply.hijack()
    travel(request.raw, reply.raw, request)
  })
  await app.register(httpProxy, { upstream: 'http://upstream.invalid', routes: ['/'], httpMethods: [...METHODS] })
  serve(app, travel, current)
  return app
}

/** Connections that come from now on are taken by these limits, and by this certificate. */
export function tune ({ server }: FastifyInstance, listen: Listen): void {
  server.headersTimeout = headersTimeoutOf(listen)
  server.requestTimeout = listen.request_timeout ?? 0
  server.keepAliveTimeout = listen.keep_alive_timeout
  // Node reads these from the server for each connection; its types know of no maxHeaderSize, and of no way to have no limit.
  Object.assign(server, { maxHeaderSize: listen.max_header_size, maxConnections: listen.max_connections })
  // Whether it is TLS at all was settled when the port was opened.
  if (listen.tls !== undefined && server instanceof TlsServer) server.setSecureContext(listenerTls(listen.tls))
}

// Headers are a part of the request, and Node takes no time for them that is longer.
function headersTimeoutOf ({ header_timeout: headers, request_timeout: request = Infinity }: Listen): number {
  return Math.min(headers, request)
}

type Listener = (incoming: IncomingMessage, response: ServerResponse) => void

// What counts requests, and what reads X-Forwarded-For, wants the framework's request. Where nothing of the kind is
// configured, to make one and route it is the dearest thing that the gateway would do by itself.
function serve (app: FastifyInstance, travel: Listener, current: () => Generation): void {
  const { server } = app
  const listener: Listener = (incoming, response) => {
    if (!KNOWN_METHODS.has(incoming.method ?? '')) makeUnservable(incoming)
    if (current().asksFramework) app.routing(incoming, response)
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

function answer (parts: GatewayParts, asked: Asked, response: ServerResponse): void {
  const { incoming, framed } = asked
  const generation = parts.current()
  const record = new AuditRecord(requestIdOf(incoming.headers['x-request-id']), incoming.method ?? '')
  const visit: Visit = { incoming, framed, response, record, isDraining: parts.isDraining, held: undefined, batch: undefined, witness: undefined, trace: generation.tracing?.begin(incoming, record) }
  parts.metrics.inFlight.inc()
  generation.enter()
  try {
    if (parts.sheds()) throw refuse('overloaded', 'More requests have come than this gateway can carry. Try again shortly.', { headers: { 'Retry-After': '1' } })
    const turn = itsTurn(incoming, response)
    const ended = turn === undefined ? admitAndCall(generation, asked, visit) : turn.then(() => inTurn(generation, asked, visit))
    ended.then(outcome => { end(parts, generation, visit, outcome) }, (error: unknown) => { endRefused(parts, generation, visit, error) })
  } catch (error) {
    endRefused(parts, generation, visit, error)
  }
}

function inTurn (generation: Generation, asked: Asked, visit: Visit): Promise<Ended> {
  // Between its turn and this moment its parser may have refused the rest of it, and answered.
  if (visit.response.socket === null) throw refuse('client-gone', 'The request broke off.')
  return admitAndCall(generation, asked, visit)
}

function admitAndCall ({ stages }: Generation, asked: Asked, visit: Visit): Promise<Ended> {
  const admitted = journey(stages, asked, visit.record)
  return admitted instanceof Promise ? admitted.then(late => carryOut(stages, asked, visit, late)) : carryOut(stages, asked, visit, admitted)
}

function carryOut (stages: Stages, asked: Asked, visit: Visit, admitted: Admitted): Promise<Ended> {
  const { batch } = admitted.found.rule
  if (batch !== undefined) return admitBatch(batch, stages, asked, visit, admitted).then(() => call(visit, admitted))
  return call(visit, admitted)
}

function call (visit: Visit, admitted: Admitted): Promise<Ended> {
  const { idempotency } = admitted.found.rule
  return idempotency === undefined ? callUpstream(visit, admitted) : callOnce(visit, admitted, idempotency)
}

function end (parts: GatewayParts, generation: Generation, visit: Visit, outcome: Ended): void {
  const { record } = visit
  record.upstreamStatus = outcome.status
  if (outcome.kind === 'answered') {
    conclude(parts, generation, visit, outcome.status)
  } else {
    record.refusal = outcome.refusal
    conclude(parts, generation, visit, PROBLEMS[outcome.refusal.code].status)
  }
}

function endRefused (parts: GatewayParts, generation: Generation, visit: Visit, error: unknown): void {
  const { incoming, response, record } = visit
  record.refusal = asRefusal(error)
  record.principal ??= record.refusal.extras.principal
  refuseCaller(incoming, response, record, generation.configuration.gateway.problems_base, parts.isDraining())
  remember(parts, generation, visit, { rule: record.rule, refusal: record.refusal, letThrough: false })
  conclude(parts, generation, visit, PROBLEMS[record.refusal.code].status)
}

function remember ({ refusals }: GatewayParts, { configuration }: Generation, visit: Visit, why: Pick<Refused, 'rule' | 'refusal' | 'letThrough'>): void {
  const { decisionId: decision, method, principal } = visit.record
  refusals.keep({ decision, method, target: targetOf(visit), principal, configuration, ...why })
}

function conclude (parts: GatewayParts, generation: Generation, visit: Visit, status: number): void {
  const { metrics, audit, shadow } = parts
  const { record } = visit
  // Of a batch the first one tells enough.
  if (record.reported?.[0] !== undefined) remember(parts, generation, visit, { ...record.reported[0], letThrough: true })
  shadow?.saw(generation, visit)
  visit.trace?.end(record, status, generation.configuration)
  metrics.inFlight.dec()
  metrics.request(record, status)
  if (generation.logsRequests) audit(generation.auditLine(record, status))
  generation.leave()
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
