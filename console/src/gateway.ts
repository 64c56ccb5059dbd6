import type { Explanation, PastLine, RuleRow } from '../../src/explain/explanation.ts'
import type { Told } from '../../src/observe/snapshot.ts'

/** The admin port wants its token, or another one than it was shown. */
export class Unauthorized extends Error {
  override readonly name = 'Unauthorized'
}

/** It has answered, and not with what was asked for. */
export class Answered extends Error {
  override readonly name = 'Answered'
  readonly status: number

  constructor (status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** A question for "why?": what POST /explain takes. */
export interface Question {
  readonly method: string
  readonly target: string
  readonly headers?: ReadonlyArray<readonly [name: string, value: string]>
  readonly token?: string
  readonly claims?: unknown
  readonly header?: unknown
  readonly issuer?: string
  readonly address?: string
}

export interface Filter {
  readonly code?: string
  readonly rule?: string
  readonly client?: string
}

/** ms */
const LONGEST = 10_000

// In this page's memory, and nowhere else: it is gone with the page.
let token: string | undefined

/** From now on it is shown with each request. */
export function showToken (shown: string | undefined): void {
  token = shown
}

export const gateway = {
  snapshot: async (withHistory: boolean): Promise<Told> => await ask(withHistory ? 'snapshot?history' : 'snapshot'),
  rules: async (): Promise<readonly RuleRow[]> => await ask('rules'),
  decisions: async (filter: Filter, most: number): Promise<readonly PastLine[]> => await ask(`decisions?${new URLSearchParams({ ...filter, most: String(most) }).toString()}`),
  decision: async (id: string): Promise<Explanation> => await ask(`decisions/${encodeURIComponent(id)}`),
  explain: async (question: Question): Promise<Explanation> => await ask('explain', question)
}

// Relative to the page: it may stand below a path of somebody's proxy. What answers is the gateway that the page is of.
async function ask<Answer> (path: string, body?: unknown): Promise<Answer> {
  const response = await fetch(path, {
    method: body === undefined ? 'GET' : 'POST',
    headers: {
      ...token !== undefined && { authorization: `Bearer ${token}` },
      ...body !== undefined && { 'content-type': 'application/json' }
    },
    ...body !== undefined && { body: JSON.stringify(body) },
    cache: 'no-store',
    credentials: 'omit',
    redirect: 'error',
    signal: AbortSignal.timeout(LONGEST)
  })
  if (response.status === 401) throw new Unauthorized('the admin port wants its token')
  const answer: unknown = await response.json()
  if (!response.ok) throw new Answered(response.status, saidBy(answer) ?? `The admin port answered ${response.status}.`)
  return answer as Answer
}

function saidBy (answer: unknown): string | undefined {
  return typeof answer === 'object' && answer !== null && 'error' in answer && typeof answer.error === 'string' ? answer.error : undefined
}
