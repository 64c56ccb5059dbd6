/** A request of a batch as it is written in multipart/mixed. */
export interface Written {
  readonly method?: string
  readonly target: string
  readonly headers?: readonly string[]
  readonly body?: string
  /** of the part around it; those that are usual when left out */
  readonly around?: readonly string[]
}

const USUAL = ['Content-Type: application/http', 'Content-Transfer-Encoding: binary']

/** The content of one part: `request` as application/http. */
export function httpPart ({ method = 'GET', target, headers = [], body = '', around = USUAL }: Written): string {
  return [...around, '', `${method} ${target} HTTP/1.1`, ...headers, '', body].join('\r\n')
}

/** The content of one part: a change set. */
export function changeSet (contents: readonly string[], boundary = 'changeset_1'): string {
  return `Content-Type: multipart/mixed; boundary=${boundary}\r\n\r\n${delimited(contents, boundary)}`
}

/** A body of the parts, from the first delimiter to the last. */
export function delimited (contents: readonly string[], boundary = 'batch_1'): string {
  return `${contents.map(content => `--${boundary}\r\n${content}\r\n`).join('')}--${boundary}--\r\n`
}

/** A write with a JSON body, and its length. */
export function writing (method: string, target: string, body: string, ...headers: readonly string[]): Written {
  return { method, target, body, headers: ['Content-Type: application/json', `Content-Length: ${Buffer.byteLength(body)}`, ...headers] }
}

export const MULTIPART = 'multipart/mixed; boundary=batch_1'
