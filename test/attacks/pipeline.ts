import type { TestGateway } from '../support/gateway.ts'

/** A request without a body, header lines as they are. */
export interface Piped {
  readonly method: string
  readonly target: string
  readonly headers?: readonly string[]
}

const CONNECTIONS = 8
const ON_ONE_CONNECTION = 50

/** What the parser takes for a target: behind anything else it closes the connection, and answers before that may be lost. */
const PARSED = /^\/[\x21-\x7e]*$/

/** Sends very many requests by few connections, one behind the other without waiting: the status of each answer, in order. */
export async function sendAll (gateway: TestGateway, requests: readonly Piped[]): Promise<number[]> {
  const statuses: number[] = []
  const batches = batchesOf(requests)
  await Promise.all(Array.from({ length: CONNECTIONS }, async () => {
    for (let batch = batches.pop(); batch !== undefined; batch = batches.pop()) {
      const answered = await sendBatch(gateway, batch.map(({ request }) => request))
      batch.forEach(({ at }, place) => { statuses[at] = answered[place] ?? 0 })
    }
  }))
  return statuses
}

type Batch = Array<{ readonly at: number, readonly request: Piped }>

function batchesOf (requests: readonly Piped[]): Batch[] {
  const alone: Batch[] = []
  const together: Batch[] = []
  requests.forEach((request, at) => {
    if (!PARSED.test(request.target)) alone.push([{ at, request }])
    else if (together.at(-1)?.length === ON_ONE_CONNECTION || together.length === 0) together.push([{ at, request }])
    else together.at(-1)?.push({ at, request })
  })
  return [...together, ...alone]
}

async function sendBatch (gateway: TestGateway, batch: readonly Piped[]): Promise<number[]> {
  const text = batch.map(({ method, target, headers = [] }, at) => [
    `${method} ${target} HTTP/1.1`, 'Host: gateway.test', ...headers, ...at === batch.length - 1 ? ['Connection: close'] : [], '', ''
  ].join('\r\n')).join('')
  const { responses } = await gateway.raw(text, { responses: batch.length, methods: batch.map(({ method }) => method) })
  if (responses.length !== batch.length) throw new Error(`${responses.length} answers to ${batch.length} requests, the first for ${JSON.stringify(batch[0]?.target)}`)
  return responses.map(({ status }) => status)
}
