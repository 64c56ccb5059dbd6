/** One request as a strict reader finds it in a stream of bytes (latin1). */
export interface RequestReading {
  /** Whole; broken, so that nothing behind it can be told; or not at its end yet. */
  readonly is: 'whole' | 'broken' | 'unfinished'
  /** Where its first line and its headers could be read. */
  readonly head?: RequestHead
  /** Where it is whole. */
  readonly body?: string
}

export interface RequestHead {
  readonly method: string
  readonly target: string
  readonly version: string
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>
}

// A server may split the line where there is white space (RFC 9112 section 3), and Node does.
const FIRST_LINE = /^([A-Z][A-Z-]*) +([!-~]+) +HTTP\/(1\.[01])$/
const HEADER = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([^\0-\x08\n-\x1f\x7f]*)$/
const CHUNK = /^([0-9A-Fa-f]{1,14})(?:;[^\0-\x08\n-\x1f\x7f]*)?$/

/** The requests in these bytes, up to the first that is not whole: RFC 9112, with nothing forgiven but empty lines in front. */
export function readRequests (bytes: string): RequestReading[] {
  const readings: RequestReading[] = []
  for (let at = skipLines(bytes, 0); at < bytes.length;) {
    const { end, ...reading } = readRequest(bytes, at)
    readings.push(reading)
    if (end === undefined) break
    at = skipLines(bytes, end)
  }
  return readings
}

function readRequest (bytes: string, start: number): RequestReading & { readonly end?: number } {
  const end = bytes.indexOf('\r\n\r\n', start)
  if (end < 0) return { is: 'unfinished' }
  const [first = '', ...lines] = bytes.slice(start, end).split('\r\n')
  const [, method = '', target = '', version = ''] = FIRST_LINE.exec(first) ?? []
  const headers = lines.map(line => HEADER.exec(line))
  if (method === '' || headers.includes(null)) return { is: 'broken' }
  const head = { method, target, version, headers: headers.map(found => [found?.[1]?.toLowerCase() ?? '', found?.[2]?.trim() ?? ''] as const) }
  const body = readBody(bytes, end + 4, head)
  return typeof body === 'string' ? { is: body, head } : { is: 'whole', head, ...body }
}

function readBody (bytes: string, start: number, head: RequestHead): 'broken' | 'unfinished' | { readonly body: string, readonly end: number } {
  const lengths = valuesOf(head, 'content-length')
  const codings = valuesOf(head, 'transfer-encoding')
  if (codings.length > 0) {
    const isChunked = codings.length === 1 && codings[0]?.toLowerCase() === 'chunked' && lengths.length === 0 && head.version === '1.1'
    return isChunked ? readChunks(bytes, start) : 'broken'
  }
  const [length = '0', ...more] = lengths
  if (more.length > 0 || !/^\d+$/.test(length)) return 'broken'
  const end = start + Number(length)
  return end > bytes.length ? 'unfinished' : { body: bytes.slice(start, end), end }
}

function readChunks (bytes: string, start: number): ReturnType<typeof readBody> {
  let body = ''
  for (let at = start; ;) {
    const lineEnd = bytes.indexOf('\r\n', at)
    if (lineEnd < 0) return 'unfinished'
    const [, size] = CHUNK.exec(bytes.slice(at, lineEnd)) ?? []
    if (size === undefined) return 'broken'
    at = lineEnd + 2
    const length = parseInt(size, 16)
    if (length === 0) return readTrailers(bytes, at, body)
    if (at + length + 2 > bytes.length) return 'unfinished'
    body += bytes.slice(at, at + length)
    at += length + 2
    if (bytes.slice(at - 2, at) !== '\r\n') return 'broken'
  }
}

function readTrailers (bytes: string, start: number, body: string): ReturnType<typeof readBody> {
  for (let at = start; ;) {
    const lineEnd = bytes.indexOf('\r\n', at)
    if (lineEnd < 0) return 'unfinished'
    if (lineEnd === at) return { body, end: at + 2 }
    if (!HEADER.test(bytes.slice(at, lineEnd))) return 'broken'
    at = lineEnd + 2
  }
}

export function valuesOf ({ headers }: RequestHead, wanted: string): string[] {
  return headers.filter(([name]) => name === wanted).map(([, value]) => value)
}

// RFC 9112 section 2.2: empty lines in front of a request may be passed over.
function skipLines (bytes: string, at: number): number {
  while (bytes[at] === '\r' || bytes[at] === '\n') at++
  return at
}
