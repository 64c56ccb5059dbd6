/** One answer as it stood on the wire. */
export interface RawResponse {
  readonly version: string
  readonly status: number
  readonly reason: string
  /** By lower-case name; of several, joined by a comma. */
  readonly headers: Readonly<Record<string, string>>
  /** Name and value of each line, as sent. */
  readonly rawHeaders: ReadonlyArray<readonly [string, string]>
  /** Decoded from chunks. */
  readonly body: Buffer
  /** Whether its own framing says that all of it is here. */
  readonly complete: boolean
  /** The 1xx answers before it. */
  readonly informational: readonly RawResponse[]
}

/** How the connection stands when the bytes are read: only an orderly close ends a body without a length. */
export type Ending = 'open' | 'closed' | 'reset'

type Body = Pick<RawResponse, 'body' | 'complete'> & { readonly end: number }
type Head = Omit<RawResponse, 'body' | 'complete' | 'informational'> & { readonly end: number }

/**
 * The answers in these bytes (RFC 9112 section 6.3), in order, the last one perhaps cut off; and what is
 * left over: a head without its end, or no HTTP at all.
 * @param methods of the requests, in order: an answer to HEAD has no body.
 */
export function parseResponses (bytes: Buffer, methods: readonly string[], ending: Ending): { responses: RawResponse[], rest: Buffer } {
  const responses: RawResponse[] = []
  let informational: RawResponse[] = []
  let rest = bytes
  for (let head = readHead(rest); head !== undefined; head = readHead(rest)) {
    const { end, ...fields } = head
    const body = readBody(rest.subarray(end), fields, methods[responses.length] ?? 'GET', ending)
    const response = { ...fields, body: body.body, complete: body.complete, informational }
    rest = rest.subarray(end + body.end)
    if (head.status < 200 && head.status !== 101) {
      informational.push({ ...response, informational: [] })
    } else {
      responses.push(response)
      informational = []
    }
  }
  return { responses, rest }
}

/** The length of the whole request at the start of these bytes; undefined while some of it is missing. */
export function framedLength (bytes: Buffer): number | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n')
  if (headEnd < 0) return undefined
  const headers = readHeaders(bytes.toString('latin1', 0, headEnd).split('\r\n').slice(1))
  const framing = { status: 200, headers: joined(headers) }
  const body = hasFraming(framing.headers)
    ? readBody(bytes.subarray(headEnd + 4), framing, 'GET', 'open')
    : { complete: true, end: 0 }
  return body.complete ? headEnd + 4 + body.end : undefined
}

function readHead (bytes: Buffer): Head | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n')
  const [first = '', ...lines] = bytes.toString('latin1', 0, Math.max(headEnd, 0)).split('\r\n')
  const status = /^HTTP\/(\d\.\d) (\d{3}) ?(.*)$/.exec(first)
  if (headEnd < 0 || status === null) return undefined
  const rawHeaders = readHeaders(lines)
  return { version: status[1] ?? '', status: Number(status[2]), reason: status[3] ?? '', rawHeaders, headers: joined(rawHeaders), end: headEnd + 4 }
}

function readHeaders (lines: readonly string[]): Array<readonly [string, string]> {
  return lines.map(line => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon), line.slice(colon + 1).trim()]
  })
}

function joined (rawHeaders: ReadonlyArray<readonly [string, string]>): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const [name, value] of rawHeaders) {
    const key = name.toLowerCase()
    headers[key] = headers[key] === undefined ? value : `${headers[key]}, ${value}`
  }
  return headers
}

function hasFraming (headers: Readonly<Record<string, string>>): boolean {
  return headers['transfer-encoding'] !== undefined || headers['content-length'] !== undefined
}

function readBody (bytes: Buffer, { status, headers }: Pick<RawResponse, 'status' | 'headers'>, method: string, ending: Ending): Body {
  const bodiless = method === 'HEAD' || (status < 200 && status !== 101) || status === 204 || status === 304
  if (bodiless) return { body: Buffer.alloc(0), complete: true, end: 0 }
  // After a 101 the bytes are another protocol's.
  if (status === 101) return { body: bytes, complete: true, end: bytes.length }
  if (headers['transfer-encoding'] !== undefined) return readChunks(bytes)
  if (headers['content-length'] === undefined) return { body: bytes, complete: ending === 'closed', end: bytes.length }
  const length = Number(headers['content-length'])
  const body = bytes.subarray(0, length)
  return { body, complete: body.length === length, end: body.length }
}

function readChunks (bytes: Buffer): Body {
  const chunks: Buffer[] = []
  let at = 0
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at)
    const size = lineEnd < 0 ? NaN : parseInt(bytes.toString('latin1', at, lineEnd), 16)
    if (Number.isNaN(size)) return { body: Buffer.concat(chunks), complete: false, end: bytes.length }
    if (size === 0) {
      // The trailers end with an empty line, which without trailers is the next one.
      const last = bytes.indexOf('\r\n\r\n', lineEnd)
      return { body: Buffer.concat(chunks), complete: last >= 0, end: last < 0 ? bytes.length : last + 4 }
    }
    const start = lineEnd + 2
    chunks.push(bytes.subarray(start, start + size))
    at = start + size + 2
    if (at > bytes.length) return { body: Buffer.concat(chunks), complete: false, end: bytes.length }
  }
}
