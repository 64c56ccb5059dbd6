/** What the ERP says to an order that it understands but cannot fill. */
export class Wrong extends Error {
  readonly status: number
  constructor (status: number, message: string) { super(message); this.status = status }
}

export interface Address {
  readonly id: string
  readonly name: string
  readonly street: string
  readonly city: string
  /** Set by a machine: the address was found to exist. */
  readonly verified: boolean
}

export interface Answer { readonly status: number, readonly headers?: Record<string, string>, readonly body: unknown }

const words = ['name', 'street', 'city'] as const

/** The ERP's business: addresses under `base`, in memory, with one to begin with. @throws Wrong by what it gives */
export function addressBook (base: string) {
  const addresses = new Map<string, Address>()
  const add = (fields: Fields): Address => {
    const address = { ...complete(fields), id: String(addresses.size + 1) }
    addresses.set(address.id, address)
    return address
  }
  add({ name: 'Ada Lovelace', street: "12 St James's Square", city: 'London' })

  return (method: string, url: string, text: string): Answer => {
    const path = url.split('?')[0]
    if (path === `${base}/status` && method === 'GET') return { status: 200, body: { status: 'up', addresses: addresses.size } }
    if (path === `${base}/addresses`) {
      if (method === 'GET') return { status: 200, body: [...addresses.values()] }
      if (method !== 'POST') throw new Wrong(405, 'GET or POST, please')
      if (addresses.size >= 1000) throw new Wrong(409, 'the demo holds a thousand addresses')
      const address = add(parse(text))
      return { status: 201, headers: { Location: `${base}/addresses/${address.id}` }, body: address }
    }
    const known = addresses.get(path?.startsWith(`${base}/addresses/`) === true ? path.slice(`${base}/addresses/`.length) : '')
    if (known === undefined) throw new Wrong(404, 'there is no such thing here')
    if (method === 'GET') return { status: 200, body: known }
    if (method !== 'PUT' && method !== 'PATCH') throw new Wrong(405, 'GET, PUT or PATCH, please')
    const changed = { ...complete(method === 'PUT' ? parse(text) : { ...known, ...parse(text) }), id: known.id }
    addresses.set(known.id, changed)
    return { status: 200, body: changed }
  }
}

type Fields = Readonly<Record<string, unknown>>

function parse (text: string): Fields {
  let value: unknown
  try { value = JSON.parse(text) } catch { throw new Wrong(400, 'the body must be JSON') }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Wrong(400, 'the body must be a JSON object')
  // Checked just here: an object that is no array has string keys.
  return value as Fields
}

function complete (fields: Fields): Omit<Address, 'id'> {
  const [name, street, city] = words.map((word) => {
    const value = fields[word]
    if (typeof value !== 'string' || value.trim() === '' || value.length > 200) throw new Wrong(422, `${word} must be 1 to 200 characters`)
    return value.trim()
  }) as [string, string, string] // as many as there are `words`
  return { name, street, city, verified: fields.verified === true }
}
