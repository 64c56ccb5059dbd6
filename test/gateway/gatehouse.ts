import type { Test } from 'tap'
import { startErp, type Erp, type SeenRequest } from '../support/erp.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { startIdp, type Idp } from '../support/idp.ts'
import { call, type CallOptions } from '../support/call.ts'
import type { RawInput, RawOptions } from '../support/raw-http.ts'
import type { Files, Settings } from '../support/settings.ts'

/** What a caller got, by either client. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Buffer
}

/** How a refusal must look. */
export interface Wanted {
  readonly status: number
  readonly code: string
  /** Of the Bearer challenge, in order, beside realm and error_description; no challenge where it is left out. */
  readonly challenge?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string | RegExp>>
  /** Whether the rule had let it through before that. */
  readonly granted?: boolean
}

/** Bytes as they are, or the options of a well-behaved client. */
export type Asked = RawInput | CallOptions

export interface Gatehouse {
  readonly idp: Idp
  readonly erp: Erp
  readonly gateway: TestGateway
  /** The request passes: what the ERP saw of it. */
  lets (t: Test, asked: Asked, options?: RawOptions): Promise<SeenRequest>
  /** The request is refused in just this way, and the ERP sees nothing of it. */
  refuses (t: Test, asked: Asked, wanted: Wanted, options?: RawOptions): Promise<Answer>
}

export interface GatehouseSetup {
  readonly routes: Files['routes']
  /** Laid over the standard gateway.yaml. */
  readonly changes?: Settings
  /** ms since the epoch, for the IdP and the gateway */
  readonly clock?: () => number
}

/** A gateway between an IdP and an ERP of its own. */
export async function startGatehouse (t: Test, { routes, changes, clock }: GatehouseSetup): Promise<Gatehouse> {
  const idp = await startIdp(t, { alg: 'ES256', ...clock !== undefined && { clock } })
  const erp = await startErp(t)
  const gateway = await startGateway(t, { idp, erp, routes, ...changes !== undefined && { changes }, ...clock !== undefined && { clock } })
  const ask = async (asked: Asked, options?: RawOptions): Promise<Answer> =>
    isRaw(asked) ? (await gateway.raw(asked, options)).response : await call(gateway.port, asked)
  return {
    idp,
    erp,
    gateway,
    async lets (t, asked, options) {
      const before = erp.requests.length
      const { status, headers, body } = await ask(asked, options)
      t.equal(status, 200, body.toString())
      t.match(headers['x-request-id'], REQUEST_ID)
      t.equal(erp.requests.length, before + 1, 'the ERP saw one request')
      const seen = erp.requests[before]
      if (seen === undefined) throw new Error('the ERP saw nothing')
      return seen
    },
    async refuses (t, asked, wanted, options) {
      const before = erp.requests.length
      const answer = await ask(asked, options)
      assertRefusal(t, answer, wanted, isRaw(asked) ? /^HEAD /.test(String([asked].flat()[0])) : asked.method === 'HEAD')
      t.equal(erp.requests.length, before, 'the ERP saw nothing')
      assertLogged(t, gateway, answer, wanted)
      await assertExplained(t, gateway, answer, wanted)
      return answer
    }
  }
}

/** A GET on a connection that the answer ends, header lines as they are. */
export function get (target: string, ...lines: readonly string[]): string {
  return request('GET', target, ...lines)
}

/** A request without a body on a connection that the answer ends, header lines as they are. */
export function request (method: string, target: string, ...lines: readonly string[]): string {
  return [`${method} ${target} HTTP/1.1`, 'Host: gateway.test', 'Connection: close', ...lines, '', ''].join('\r\n')
}

const REQUEST_ID = /^[A-Za-z0-9._-]{1,64}$/
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

function assertRefusal (t: Test, { status, headers, body }: Answer, wanted: Wanted, bodiless: boolean): void {
  t.equal(status, wanted.status, body.toString())
  t.equal(headers['content-type'], 'application/problem+json')
  t.match(headers['x-request-id'], REQUEST_ID)
  t.same(challengeOf(headers['www-authenticate']), wanted.challenge, 'the challenge, to the parameter')
  t.equal(headers['cache-control'], 'no-store')
  for (const [name, value] of Object.entries(wanted.headers ?? {})) t.match(headers[name], value, name)
  if (bodiless) {
    t.equal(body.length, 0)
    return
  }
  const problem = parseProblem(body)
  t.same(Object.keys(problem).sort(), ['decision', 'detail', 'status', 'title', 'type'])
  t.match(problem, { type: `urn:countersign:problem:${wanted.code}`, status: wanted.status, title: /\w/, detail: /\w/, decision: UUID })
}

/** The one word is in the log line too, beside both ids. */
function assertLogged (t: Test, gateway: TestGateway, { headers, body, status }: Answer, { code, granted = false }: Wanted): void {
  if (body.length === 0) return
  const { decision } = parseProblem(body)
  const line = gateway.logLines().findLast(one => one['decision'] === decision)
  t.match(line, { request: headers['x-request-id'], code, status, granted })
}

/** Whoever asks afterwards is told which check it was, and what to do. */
async function assertExplained (t: Test, gateway: TestGateway, { body }: Answer, { status, code }: Wanted): Promise<void> {
  if (body.length === 0) return
  const told = await gateway.admin(`/decisions/${String(parseProblem(body)['decision'])}`)
  t.match(told.json(), { passes: false, status, code, remedy: /^\S.{20}/, steps: [{ name: code, outcome: 'fail', saw: /./ }] })
}

export function parseProblem (body: Buffer): Record<string, unknown> {
  try {
    // The members are what is asserted.
    return JSON.parse(body.toString()) as Record<string, unknown>
  } catch {
    return { unreadable: body.toString() }
  }
}

/** RFC 6750 section 3: one challenge, every value quoted; `error_description` goes with `error`. */
export function challengeOf (header: string | string[] | undefined): Record<string, string> | undefined {
  if (header === undefined) return undefined
  const text = String(header)
  const parameters = [...text.matchAll(/(\w+)="([^"\\]*)"/g)].map(([, name = '', value = '']) => [name, value] as const)
  const rebuilt = `Bearer ${parameters.map(([name, value]) => `${name}="${value}"`).join(', ')}`
  const { realm, error_description: description, ...rest } = Object.fromEntries(parameters)
  const isWhole = rebuilt === text && realm === 'countersign' && (description !== undefined) === ('error' in rest)
  return isWhole ? rest : { malformed: text }
}

function isRaw (asked: Asked): asked is RawInput {
  return typeof asked === 'string' || Buffer.isBuffer(asked) || Array.isArray(asked)
}
