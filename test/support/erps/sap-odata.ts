import { randomBytes } from 'node:crypto'

/** A request below the service's root, or one within a $batch. */
export interface ODataRequest {
  readonly method: string
  /** `A_BusinessPartner('1')?$format=json`, without a slash in front */
  readonly resource: string
  /** lower case */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}

export interface ODataAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** One stored thing, and its version. */
interface Entity {
  readonly properties: Readonly<Record<string, unknown>>
  readonly version: number
}

/** Entity sets of API_BUSINESS_PARTNER, and the key of each. */
const KEYS = { A_BusinessPartner: 'BusinessPartner', A_Customer: 'Customer' } as const
type SetName = keyof typeof KEYS

const JSON_TYPE = { 'content-type': 'application/json;charset=utf-8', dataserviceversion: '2.0' }

/**
 * The OData V2 service API_BUSINESS_PARTNER in memory (SAP Business Accelerator Hub, "Business Partner (A2X)"), as far as
 * tests want it: two entity sets with text keys, in JSON alone.
 */
export class SapOData {
  /** `http://host/sap/opu/odata/sap/API_BUSINESS_PARTNER` */
  readonly #root: string
  readonly #sets: Readonly<Record<SetName, Map<string, Entity>>> = { A_BusinessPartner: new Map(), A_Customer: new Map() }
  /** Every creation that was carried out, by its key, twice where it was done twice: a repeat with the same key too. */
  readonly created: string[] = []
  #next = 10_000_000

  constructor (root: string) {
    this.#root = root
  }

  /** How often something of that key was created: 1, unless a request was carried out twice. */
  timesCreated (key: string): number {
    return this.created.filter(one => one === key).length
  }

  /** What is stored under that key. */
  stored (set: SetName, key: string): Readonly<Record<string, unknown>> | undefined {
    return this.#sets[set].get(key)?.properties
  }

  answer (request: ODataRequest): ODataAnswer {
    const [path = '', query] = request.resource.split('?')
    if (path === '') return json(200, { d: { EntitySets: Object.keys(KEYS) } })
    if (path === '$metadata') return { status: 200, headers: { 'content-type': 'application/xml' }, body: METADATA }
    if (path === '$batch') return this.#batch(request)
    const [, set = '', key] = /^(\w+)(?:\('([^']*)'\))?$/.exec(path) ?? []
    if (!isSet(set)) return error(404, '/IWFND/MED/170', `No service found for '${path}'`)
    return key === undefined ? this.#ofSet(set, request, new URLSearchParams(query)) : this.#ofEntity(set, decodeURIComponent(key), request)
  }

  #ofSet (set: SetName, { method, body }: ODataRequest, query: URLSearchParams): ODataAnswer {
    if (method === 'GET') {
      const [skip, top] = [Number(query.get('$skip') ?? 0), Number(query.get('$top') ?? Infinity)]
      return json(200, { d: { results: [...this.#sets[set]].slice(skip, skip + top).map(([key, entity]) => this.#shown(set, key, entity)) } })
    }
    return method === 'POST' ? this.#create(set, body) : error(405, '/IWFND/CM_MGW/004', `Method ${method} not supported`)
  }

  /** OData V2, "Creating new Entries": 201, Location with the absolute URL, the new entry as it is stored. */
  #create (set: SetName, body: string): ODataAnswer {
    const properties = parse(body)
    if (properties === undefined) return error(400, '/IWCOR/CX_DS_EP_PROPERTY_ERROR/005', 'Error in input data')
    const given = properties[KEYS[set]]
    const key = typeof given === 'string' && given !== '' ? given : String(this.#next++)
    this.created.push(key)
    if (this.#sets[set].has(key)) return error(400, 'R1/109', `Business partner ${key} already exists`)
    const entity = { properties: { ...properties, [KEYS[set]]: key }, version: 1 }
    this.#sets[set].set(key, entity)
    return json(201, { d: this.#shown(set, key, entity) }, { location: this.#url(set, key), etag: etagOf(entity) })
  }

  /**
   * SAP Help, "ETag Handling": a single entry has its ETag in a header; whoever changes or deletes it has to say in
   * If-Match which one it means. KBA 3514624: 428 without; 412 where it is another one by now.
   */
  #ofEntity (set: SetName, key: string, { method, headers, body }: ODataRequest): ODataAnswer {
    const entity = this.#sets[set].get(key)
    if (entity === undefined) return error(404, '/IWBEP/CM_MGW_RT/020', `Resource not found for segment '${set}'`)
    if (method === 'GET') return json(200, { d: this.#shown(set, key, entity) }, { etag: etagOf(entity) })
    if (!['PATCH', 'PUT', 'MERGE', 'DELETE'].includes(method)) return error(405, '/IWFND/CM_MGW/004', `Method ${method} not supported`)
    const wanted = headers['if-match']
    if (wanted === undefined) return error(428, '/IWBEP/CM_MGW_RT/170', 'Precondition required (If-Match missing)')
    if (wanted !== '*' && wanted !== etagOf(entity)) return error(412, '/IWBEP/CM_MGW_RT/171', 'Precondition failed')
    if (method === 'DELETE') {
      this.#sets[set].delete(key)
      return { status: 204, headers: {}, body: '' }
    }
    const properties = parse(body)
    if (properties === undefined) return error(400, '/IWCOR/CX_DS_EP_PROPERTY_ERROR/005', 'Error in input data')
    const changed = { properties: { ...method === 'PUT' ? {} : entity.properties, ...properties, [KEYS[set]]: key }, version: entity.version + 1 }
    this.#sets[set].set(key, changed)
    return { status: 204, headers: { etag: etagOf(changed) }, body: '' }
  }

  /** OData V2, "Batch Processing": 202 whatever its parts came to; a part that is a change set is answered by one of its own. */
  #batch ({ headers, body }: ODataRequest): ODataAnswer {
    const boundary = boundaryOf(String(headers['content-type']))
    if (boundary === undefined) return error(400, '/IWFND/CM_MGW/001', 'Malformed $batch')
    const answered = `ejjeeffe${randomBytes(4).toString('hex')}`
    return { status: 202, headers: { 'content-type': `multipart/mixed; boundary=${answered}`, dataserviceversion: '2.0' }, body: this.#parts(partsOf(body, boundary), answered) }
  }

  #parts (parts: readonly string[], boundary: string): string {
    return `${parts.map(part => `--${boundary}\r\n${this.#part(part)}\r\n`).join('')}--${boundary}--\r\n`
  }

  #part (part: string): string {
    const { headers, body } = splitMessage(part)
    const inner = boundaryOf(headers['content-type'] ?? '')
    if (inner !== undefined) return `Content-Type: multipart/mixed; boundary=${inner}_r\r\n\r\n${this.#parts(partsOf(body, inner), `${inner}_r`)}`
    const [, method = '', resource = '', rest = ''] = /^(\S+) (\S+) HTTP\/1\.1\r?\n([\s\S]*)$/.exec(body) ?? []
    const answer = this.answer({ method, resource, ...splitMessage(rest) })
    const head = Object.entries({ ...answer.headers, 'content-length': String(Buffer.byteLength(answer.body)) }).map(([name, value]) => `${name}: ${value}`)
    return ['Content-Type: application/http', 'content-transfer-encoding: binary', '', `HTTP/1.1 ${answer.status} -`, ...head, '', answer.body].join('\r\n')
  }

  #shown (set: SetName, key: string, entity: Entity): object {
    return { __metadata: { id: this.#url(set, key), uri: this.#url(set, key), type: `API_BUSINESS_PARTNER.${set}Type`, etag: etagOf(entity) }, ...entity.properties }
  }

  #url (set: SetName, key: string): string {
    return `${this.#root}/${set}('${encodeURIComponent(key)}')`
  }
}

const METADATA = '<?xml version="1.0" encoding="utf-8"?><edmx:Edmx Version="1.0" xmlns:edmx="http://schemas.microsoft.com/ado/2007/06/edmx"/>'

function isSet (name: string): name is SetName {
  return Object.hasOwn(KEYS, name)
}

function etagOf ({ version }: Entity): string {
  return `W/"datetimeoffset'2026-01-01T00:00:00.${String(version).padStart(7, '0')}Z'"`
}

function json (status: number, value: object, headers: Readonly<Record<string, string>> = {}): ODataAnswer {
  return { status, headers: { ...JSON_TYPE, ...headers }, body: JSON.stringify(value) }
}

function error (status: number, code: string, value: string): ODataAnswer {
  return json(status, { error: { code, message: { lang: 'en', value } } })
}

function parse (body: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body)
    // The properties are what is stored, whatever they are.
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value as Record<string, unknown> : undefined
  } catch {
    return undefined
  }
}

function boundaryOf (type: string): string | undefined {
  return /^multipart\/mixed;\s*boundary="?([\w'()+,./:=?-]+)"?/i.exec(type)?.[1]
}

function partsOf (body: string, boundary: string): string[] {
  return body.split(`--${boundary}`).slice(1, -1).map(part => part.replace(/^\r?\n/, '').replace(/\r?\n$/, ''))
}

function splitMessage (text: string): { readonly headers: Record<string, string>, readonly body: string } {
  const [head = '', ...rest] = text.split(/\r?\n\r?\n/)
  const headers = head.split(/\r?\n/).map(line => [line.slice(0, line.indexOf(':')).trim().toLowerCase(), line.slice(line.indexOf(':') + 1).trim()])
  // Pairs, by the line above.
  return { headers: Object.fromEntries(headers) as Record<string, string>, body: rest.join('\r\n\r\n') }
}
