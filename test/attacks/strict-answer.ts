/** One answer as a strict reader takes it. */
export interface StrictAnswer {
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
  readonly body: Buffer
  /** whether all of it is there, by its own framing */
  readonly isWhole: boolean
}

export interface Asked {
  readonly method: string
  readonly version: string
  /** how the connection ended */
  readonly ending: 'closed' | 'reset'
}

/**
 * Reads the one answer that a connection gave (RFC 9112 sections 4 to 7) and forgives nothing: two lengths, a length
 * and chunks, a character that may not stand where it stands, a byte after the end.
 * @throws {Error} that says what is wrong
 */
export function readStrictly (bytes: Buffer, asked: Asked): StrictAnswer {
  let rest = bytes
  for (;;) {
    const end = rest.indexOf('\r\n\r\n')
    if (end < 0) throw new Error(`no head: ${JSON.stringify(rest.toString('latin1', 0, 100))}`)
    const { status, headers } = readHead(rest.toString('latin1', 0, end))
    rest = rest.subarray(end + 4)
    if (status >= 200) return { status, headers, ...readBody(rest, status, headers, asked) }
    if (status !== 103 || asked.version === '1.0') throw new Error(`an interim answer ${status}`)
  }
}

function readHead (text: string): { status: number, headers: Map<string, string> } {
  const [first = '', ...lines] = text.split('\r\n')
  const status = Number(/^HTTP\/1\.1 ([1-5]\d\d) [\t\x20-\x7e\x80-\xff]*$/.exec(first)?.[1])
  if (Number.isNaN(status)) throw new Error(`status line ${JSON.stringify(first)}`)
  const headers = new Map<string, string>()
  for (const line of lines) {
    const [, name, value] = /^([!#$%&'*+.^_`|~\w-]+): ?([\t\x20-\x7e\x80-\xff]*)$/.exec(line) ?? []
    if (name === undefined || value === undefined) throw new Error(`header line ${JSON.stringify(line)}`)
    const key = name.toLowerCase()
    if (headers.has(key) && ['content-length', 'transfer-encoding', 'connection', 'x-request-id'].includes(key)) throw new Error(`two ${key}`)
    headers.set(key, value)
  }
  return { status, headers }
}

function readBody (rest: Buffer, status: number, headers: ReadonlyMap<string, string>, { method, version, ending }: Asked): { body: Buffer, isWhole: boolean } {
  // White space around a value is no part of it (RFC 9110 section 5.5).
  const length = headers.get('content-length')?.trim()
  const coding = headers.get('transfer-encoding')
  if (length !== undefined && coding !== undefined) throw new Error('a length and chunks')
  if (length !== undefined && !/^\d{1,20}$/.test(length)) throw new Error(`length ${length}`)
  if (coding !== undefined && (coding !== 'chunked' || version === '1.0')) throw new Error(`coding ${coding} for HTTP/${version}`)
  if (status === 204 && (length ?? coding) !== undefined) throw new Error('a 204 with a length or chunks')
  if (method === 'HEAD' || status === 204 || status === 304) {
    if (rest.length > 0) throw new Error(`a body where none may be: ${JSON.stringify(rest.toString('latin1', 0, 100))}`)
    return { body: rest, isWhole: true }
  }
  if (length !== undefined) {
    if (rest.length > Number(length)) throw new Error(`${rest.length - Number(length)} bytes after the end`)
    return { body: rest, isWhole: rest.length === Number(length) }
  }
  if (coding !== undefined) return readChunks(rest)
  if (version !== '1.0') throw new Error('neither a length nor chunks')
  return { body: rest, isWhole: ending === 'closed' }
}

function readChunks (rest: Buffer): { body: Buffer, isWhole: boolean } {
  const chunks: Buffer[] = []
  for (let at = 0; ;) {
    const lineEnd = rest.indexOf('\r\n', at)
    const broken = { body: Buffer.concat(chunks), isWhole: false }
    if (lineEnd < 0) return broken
    const line = rest.toString('latin1', at, lineEnd)
    if (!/^[0-9a-f]{1,8}$/i.test(line)) throw new Error(`chunk size ${JSON.stringify(line)}`)
    const [start, size] = [lineEnd + 2, parseInt(line, 16)]
    if (rest.length < start + size + 2) return broken
    if (rest.toString('latin1', start + size, start + size + 2) !== '\r\n') throw new Error('no end of a chunk')
    if (size === 0) {
      if (rest.length > start + 2) throw new Error(`${rest.length - start - 2} bytes after the last chunk`)
      return { body: broken.body, isWhole: true }
    }
    chunks.push(rest.subarray(start, start + size))
    at = start + size + 2
  }
}
