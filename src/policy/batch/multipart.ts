import { lengthOf, readFields, valueOf, type Fields } from './fields.ts'
import { ambiguous, malformed, tooManyParts, type Batch, type Part } from './part.ts'
import { addId, bodyTypeIsFit, isTarget } from './request.ts'

/**
 * Reads an OData batch in multipart/mixed (OData 4.01 section 11.7.7, RFC 2046 section 5.1.1) the one way that all
 * readers agree on: lines end in CRLF; a boundary, in whatever letter case, stands nowhere but in the delimiters that
 * it makes; nothing is before, between and behind the parts; a length that is said is the length that there is.
 * @param boundary of `BOUNDARY`
 * @throws {Refusal} batch-malformed, batch-ambiguous, batch-too-large
 */
export function readMultipart (body: Buffer, boundary: string, maxParts: number): Batch {
  // One character for each byte.
  const text = body.toString('latin1')
  const reader = new Reader(maxParts)
  for (const content of split(text, boundary)) reader.read(content)
  assertNowhereElse(text.toLowerCase(), reader.delimiters)
  return { parts: reader.parts, ids: reader.ids }
}

/** Without quotes, and without what a comment, a list or an escape begins with: who would not unquote it reads another one. */
export const BOUNDARY = '[0-9A-Za-z_](?:[0-9A-Za-z_.+-]{0,68}[0-9A-Za-z_])?'

class Reader {
  readonly parts: Part[] = []
  readonly ids = new Set<string>()
  /** how many delimiters each change set has, by its boundary in small letters */
  readonly delimiters = new Map<string, number>()
  readonly #maxParts: number

  constructor (maxParts: number) {
    this.#maxParts = maxParts
  }

  read (content: string): void {
    const { fields, rest } = this.#head(content)
    const type = valueOf(fields, 'content-type', this.#number) ?? ''
    const boundary = CHANGE_SET.exec(type)?.[1]
    if (boundary === undefined) {
      this.#request(fields, rest, type, false)
      return
    }
    if (fields.has('content-id')) throw malformed('a change set has a Content-ID', this.#number)
    const contents = split(rest, boundary, this.#number)
    if (this.delimiters.has(boundary.toLowerCase())) throw ambiguous('a boundary is that of another change set', this.#number)
    this.delimiters.set(boundary.toLowerCase(), contents.length + 1)
    for (const inner of contents) {
      const { fields, rest } = this.#head(inner)
      this.#request(fields, rest, valueOf(fields, 'content-type', this.#number) ?? '', true)
    }
  }

  get #number (): number {
    return this.parts.length + 1
  }

  #head (content: string): { readonly fields: Fields, readonly rest: string } {
    if (this.parts.length >= this.#maxParts) throw tooManyParts(this.#maxParts)
    const { lines, rest } = cutHead(content, this.#number)
    const fields = readFields(lines, this.#number)
    for (const [folded] of fields) if (!OF_A_PART.has(folded)) throw malformed('a part has a header that is not of a part', this.#number)
    if ((valueOf(fields, 'content-transfer-encoding', this.#number) ?? 'binary').toLowerCase() !== 'binary') throw malformed('a part has a Content-Transfer-Encoding other than binary', this.#number)
    assertLength(fields, rest, this.#number)
    return { fields, rest }
  }

  #request (around: Fields, content: string, type: string, isChange: boolean): void {
    const number = this.#number
    if (!REQUEST_TYPE.test(type)) throw malformed('a part is neither application/http nor a change set of one level', number)
    const { lines: [line = '', ...lines], rest } = cutHead(content, number)
    const [, method, target] = REQUEST_LINE.exec(line) ?? []
    if (method === undefined || target === undefined || !isTarget(target)) throw malformed('there is no line METHOD target HTTP/1.1', number)
    if (isChange && (method === 'GET' || method === 'HEAD')) throw malformed('a change set has a request that changes nothing', number)
    const fields = readFields(lines, number)
    if (!bodyTypeIsFit(valueOf(fields, 'content-type', number))) throw ambiguous('a request has a body of further requests', number)
    const hasLength = assertLength(fields, rest, number)
    // Many write an empty line for no body.
    const body = rest === '\r\n' && !hasLength ? '' : rest
    if (!hasLength && LIKE_A_REQUEST.some(like => like.test(body))) throw ambiguous('a body without Content-Length looks like a further request', number)
    for (const one of [around, fields]) addId(this.ids, valueOf(one, 'content-id', number), number)
    this.parts.push({ number, method, target, headers: [...fields.values()].map(({ name }) => name), bodyLength: body.length })
  }
}

const CHANGE_SET = new RegExp(`^multipart/mixed[ \\t]*;[ \\t]*boundary=(${BOUNDARY})$`, 'i')
const REQUEST_TYPE = /^application\/http(?:[ \t]*;[ \t]*msgtype=request)?$/i
const REQUEST_LINE = /^([A-Z]{1,20}) ([^ ]+) HTTP\/1\.1$/
const OF_A_PART = new Set(['content-type', 'content-transfer-encoding', 'content-length', 'content-id'])

// RFC 9112 section 10.2: application/http may hold several requests, one behind the other. The next one begins where a
// body of no length ends, which is at once, or with any line that names the protocol.
const LIKE_A_REQUEST = [/^\s*[!#$%&'*+.^_`|~0-9A-Za-z-]+[ \t]/, /[ \t]HTTP\/\d/i]

function cutHead (content: string, part: number): { readonly lines: readonly string[], readonly rest: string } {
  const end = content.indexOf('\r\n\r\n')
  if (end === -1) throw malformed('a head does not end with an empty line', part)
  const lines = content.slice(0, end).split('\r\n')
  return { lines, rest: content.slice(end + 4) }
}

function assertLength (fields: Fields, rest: string, part: number): boolean {
  const length = lengthOf(fields, part)
  if (length !== undefined && length !== rest.length) throw ambiguous('a Content-Length is not the length of what follows', part)
  return length !== undefined
}

/** What stands between the delimiters. */
function split (text: string, boundary: string, part?: number): string[] {
  const mark = `--${boundary}`
  const lower = text.toLowerCase()
  const lowerMark = mark.toLowerCase()
  const contents: string[] = []
  let from: number | undefined
  for (let at = lower.indexOf(lowerMark); at !== -1; at = lower.indexOf(lowerMark, at + mark.length)) {
    if (!text.startsWith(mark, at)) throw ambiguous('a boundary stands there in other letter case', part)
    const behind = at + mark.length
    const isFirst = from === undefined
    // The line break before a delimiter is the delimiter's; before the first one it may be left out.
    const begin = text.startsWith('\r\n', at - 2) && at >= 2 ? at - 2 : at
    if (isFirst ? begin !== 0 : begin === at) throw ambiguous('a boundary stands where no delimiter is', part)
    if (from !== undefined) {
      if (begin < from) throw malformed('a part is empty', part)
      contents.push(text.slice(from, begin))
    }
    if (text.startsWith('--', behind)) return ended(contents, text.slice(behind + 2), part)
    if (!text.startsWith('\r\n', behind)) throw ambiguous('a delimiter does not end its line', part)
    from = behind + 2
  }
  throw malformed(from === undefined ? 'there is no delimiter' : 'the last delimiter is missing', part)
}

function ended (contents: string[], epilogue: string, part: number | undefined): string[] {
  if (epilogue !== '' && epilogue !== '\r\n') throw ambiguous('something stands behind the last delimiter', part)
  if (contents.length === 0) throw malformed('there is no part', part)
  return contents
}

// Some readers know all boundaries that they have seen, wherever they are, and take a line for a delimiter that begins like
// one. So none begins like another one, either. `split` has looked for the batch's own.
function assertNowhereElse (lower: string, delimiters: Map<string, number>): void {
  if (delimiters.size === 0) return
  for (const [, run = ''] of lower.matchAll(/[\r\n][ \t]*--([0-9a-z_.+-]+)/g)) {
    for (let length = Math.min(run.length, LONGEST_BOUNDARY); length > 0; length--) {
      const boundary = run.slice(0, length)
      const left = delimiters.get(boundary)
      if (left === 0) throw ambiguous('the boundary of a change set stands outside of it, or another one begins like it')
      if (left !== undefined) delimiters.set(boundary, left - 1)
    }
  }
}

const LONGEST_BOUNDARY = 70
