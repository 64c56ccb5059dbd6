import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto'

/** Texts that only who has one of the keys can read, or could have written, each in its own place. */
export interface Sealing {
  /** The names of a thing, by each key: nobody without the key can find out what they are names of. The first is for new texts. */
  namesOf (thing: string): readonly string[]
  /** @param place where the text will stand: it cannot be read in another */
  seal (text: string, place: string): string
  /** The text; undefined where none of the keys has sealed it for this place. */
  open (sealed: string, place: string): string | undefined
}

interface Key {
  readonly id: string
  readonly cipher: Buffer
  readonly names: Buffer
}

const CIPHER = 'aes-256-gcm'
const VERSION = '1'
// NIST SP 800-38D section 8.2: 96 random bits serve 2^32 texts of one key.
const NONCE_BYTES = 12
const TAG_BYTES = 16

/** @param keys of 32 bytes: the first seals, each opens */
export function createSealing (keys: readonly [Buffer, ...Buffer[]], random: (size: number) => Buffer = randomBytes): Sealing {
  const derived = keys.map(derive)
  const [first = derive(keys[0])] = derived
  return {
    namesOf: thing => derived.map(({ names }) => createHmac('sha256', names).update(thing).digest('base64url')),
    seal (text, place) {
      const nonce = random(NONCE_BYTES)
      const cipher = createCipheriv(CIPHER, first.cipher, nonce, { authTagLength: TAG_BYTES }).setAAD(Buffer.from(place))
      const bytes = Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()])
      return [VERSION, first.id, bytes.toString('base64url')].join('.')
    },
    open (sealed, place) {
      const [version, id, encoded = '', ...more] = sealed.split('.')
      const key = derived.find(one => one.id === id)
      const bytes = Buffer.from(encoded, 'base64url')
      if (version !== VERSION || key === undefined || more.length > 0 || bytes.length < NONCE_BYTES + TAG_BYTES) return undefined
      return decrypt(key, bytes, place)
    }
  }
}

function decrypt ({ cipher: key }: Key, bytes: Buffer, place: string): string | undefined {
  try {
    const cipher = createDecipheriv(CIPHER, key, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES })
      .setAAD(Buffer.from(place))
      .setAuthTag(bytes.subarray(-TAG_BYTES))
    return Buffer.concat([cipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), cipher.final()]).toString()
  } catch {
    // The tag does not fit: another key's, another place's, or somebody wrote in it.
    return undefined
  }
}

// RFC 5869: one key for each use, so that none tells anything about another.
function derive (key: Buffer): Key {
  const part = (use: string, bytes: number) => Buffer.from(hkdfSync('sha256', key, '', `countersign ${use}`, bytes))
  return { id: part('key id', 6).toString('base64url'), cipher: part('encryption', 32), names: part('names', 32) }
}
