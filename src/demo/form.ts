import type { IncomingMessage } from 'node:http'

export class TooLarge extends Error {}

/** Reads a request's body up to `limit` bytes. @throws TooLarge when it is longer */
export async function readBody (request: IncomingMessage, limit = 16_384): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > limit) throw new TooLarge('the body is too large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

export async function readForm (request: IncomingMessage): Promise<URLSearchParams> {
  return new URLSearchParams(await readBody(request))
}
