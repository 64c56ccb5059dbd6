import { STATUS_CODES } from 'node:http'
import { PROBLEMS, type Refusal } from '../policy/problems.ts'

/** What a problem document says beside its refusal. */
export interface ProblemContext {
  readonly decisionId: string
  readonly requestId: string
  /** what stands before the code in `type` */
  readonly problemsBase: string
}

/** A refusal as the caller sees it: RFC 9457, with the challenge of RFC 6750 section 3. */
export interface ProblemAnswer {
  readonly status: number
  /** flat */
  readonly headers: string[]
  readonly body: Buffer
}

const REALM = 'countersign'

export function problemAnswer (refusal: Refusal, { decisionId, requestId, problemsBase }: ProblemContext): ProblemAnswer {
  const { status, title } = PROBLEMS[refusal.code]
  const document = { type: problemsBase + refusal.code, title, status, detail: refusal.detail, decision: decisionId }
  const body = Buffer.from(JSON.stringify(document))
  const headers = ['Content-Type', 'application/problem+json', 'Content-Length', String(body.length), 'Cache-Control', 'no-store', 'X-Request-Id', requestId]
  const challenge = challengeOf(refusal)
  if (challenge !== undefined) headers.push('WWW-Authenticate', challenge)
  for (const [name, value] of Object.entries(refusal.extras.headers ?? {})) headers.push(name, value)
  return { status, headers, body }
}

/** The answer to what Node's parser refused, as bytes: there is no request object for it. */
export function rawProblem (answer: ProblemAnswer): Buffer {
  const lines = answer.headers.flatMap((value, at) => at % 2 === 1 ? [`${answer.headers[at - 1] ?? ''}: ${value}`] : [])
  const head = [`HTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status] ?? ''}`, ...lines, 'Connection: close', '', '']
  return Buffer.concat([Buffer.from(head.join('\r\n'), 'latin1'), answer.body])
}

function challengeOf ({ problem, detail, extras }: Refusal): string | undefined {
  if (problem.challenge === undefined) return undefined
  const attributes: Array<[string, string]> = [['realm', REALM]]
  if (problem.challenge !== null) attributes.push(['error', problem.challenge], ['error_description', detail])
  attributes.push(...Object.entries(extras.challenge ?? {}))
  return `Bearer ${attributes.map(([name, value]) => `${name}="${quotable(value)}"`).join(', ')}`
}

// RFC 6750 section 3: %x20-21 / %x23-5B / %x5D-7E
function quotable (value: string): string {
  return value.replace(/[^\x20-\x7e]/g, '?').replace(/["\\]/g, "'")
}
