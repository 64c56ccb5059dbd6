import { constants, createHash, createPublicKey, privateDecrypt, publicEncrypt, randomBytes, type KeyObject } from 'node:crypto'

// RSA signatures made by hand (RFC 8017), so that every byte under them can be wrong.

/** The encoded message under a signature: RSAVP1. */
export function openSignature (key: KeyObject, signature: Buffer): Buffer {
  return publicEncrypt({ key: createPublicKey(key), padding: constants.RSA_NO_PADDING }, signature)
}

/** The signature over an encoded message: RSASP1. */
export function sealSignature (key: KeyObject, encoded: Buffer): Buffer {
  return privateDecrypt({ key, padding: constants.RSA_NO_PADDING }, encoded)
}

/**
 * Carries a wrong PKCS #1 v1.5 padding over to another text: the encoded message of a vector, with this text's hash
 * wherever the vector has that of its own.
 */
export function transferPadding (encoded: Buffer, vectorText: string, text: string, hash = 'sha256'): Buffer {
  const [old, wanted] = [digest(hash, vectorText), digest(hash, text)]
  const tail = encoded.subarray(-old.length)
  const sound = Buffer.concat([encoded.subarray(0, -old.length), old])
  // What is wrong is in the hash itself: the same bits are wrong in the other one.
  if (isSoundHead(sound, old.length)) return Buffer.concat([encoded.subarray(0, -old.length), xor(xor(tail, old), wanted)])
  const moved = Buffer.from(encoded)
  for (const [from, to] of [[0, old.length], [0, old.length - 1], [1, old.length]] as const) {
    const at = moved.indexOf(old.subarray(from, to))
    if (at === -1) continue
    wanted.copy(moved, at, from, to)
    break
  }
  return moved
}

function isSoundHead (encoded: Buffer, hashLength: number): boolean {
  const head = encoded.subarray(0, -hashLength).toString('hex')
  return /^0001(?:ff)+003031300d060960864801650304020105000420$/.test(head)
}

/** What is wrong in an EMSA-PSS encoding; nothing by default. Masks are laid over the bytes by XOR, from their start. */
export interface PssFaults {
  readonly salt?: Buffer
  readonly digest?: Buffer
  readonly zeros?: Buffer
  readonly hash?: Buffer
  readonly padding?: Buffer
  readonly storedSalt?: Buffer
  readonly masked?: Buffer
  readonly trailer?: number
}

/** RFC 8017 section 9.1.1, for a modulus of whole bytes. */
export function encodePss (text: string, hash: string, size: number, faults: PssFaults = {}): Buffer {
  const message = flip(digest(hash, text), faults.digest)
  const salt = faults.salt ?? randomBytes(message.length)
  const h = createHash(hash).update(flip(Buffer.alloc(8), faults.zeros)).update(message).update(salt).digest()
  const padding = flip(Buffer.alloc(size - salt.length - h.length - 2), faults.padding)
  const db = Buffer.concat([padding, Buffer.from([1]), flip(salt, faults.storedSalt)])
  const masked = flip(xor(db, mgf1(hash, h, db.length)), faults.masked)
  // The modulus has as many bits as bytes: the encoded message has one bit less.
  masked[0] = (masked[0] ?? 0) & 0x7f
  return Buffer.concat([masked, flip(h, faults.hash), Buffer.from([faults.trailer ?? 0xbc])])
}

function mgf1 (hash: string, seed: Buffer, length: number): Buffer {
  const blocks: Buffer[] = []
  for (let count = 0, done = 0; done < length; count++) {
    const counter = Buffer.alloc(4)
    counter.writeUInt32BE(count)
    const block = createHash(hash).update(seed).update(counter).digest()
    blocks.push(block)
    done += block.length
  }
  return Buffer.concat(blocks).subarray(0, length)
}

function digest (hash: string, text: string): Buffer {
  return createHash(hash).update(text).digest()
}

function flip (bytes: Buffer, mask: Buffer = Buffer.alloc(0)): Buffer {
  return xor(bytes, Buffer.concat([mask, Buffer.alloc(Math.max(0, bytes.length - mask.length))]))
}

function xor (one: Buffer, other: Buffer): Buffer {
  return Buffer.from(one.map((byte, at) => byte ^ (other[at] ?? 0)))
}
