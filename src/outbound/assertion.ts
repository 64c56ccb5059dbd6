import { createHash, createPrivateKey, randomUUID, X509Certificate } from 'node:crypto'
import type { ClientAssertion, JwtBearer } from '../config/credential-schema.ts'
import { signingAlgorithms } from '../policy/algorithms.ts'

/** Who says what to whom (RFC 7523 section 3). */
export interface AssertionParties {
  readonly iss: string
  readonly sub: string
  readonly aud: string
}

/** What signs, and what stands beside the parties. */
export type AssertionSettings = Pick<ClientAssertion | JwtBearer, 'key' | 'kid' | 'algorithm' | 'certificate' | 'lifetime' | 'claims'>

/**
 * A JWT by which the gateway makes itself known to a token endpoint. Each has a `jti` of its own and is good for one
 * request: a server that keeps what it has seen refuses a second one.
 * @param now ms since the epoch
 */
export async function signAssertion ({ key: secret, kid, algorithm, certificate, lifetime, claims }: AssertionSettings, { iss, sub, aud }: AssertionParties, now: number): Promise<string> {
  const key = createPrivateKey(secret.reveal())
  const alg = algorithm ?? signingAlgorithms(key)[0]
  if (alg === undefined) throw new Error('a key that signs nothing passed the checks')
  const iat = Math.floor(now / 1000)
  // Most gateways sign nothing, and start the sooner without it.
  const { SignJWT } = await import('jose')
  return await new SignJWT({ ...claims, iss, sub, aud, jti: randomUUID(), iat, exp: iat + lifetime / 1000 })
    .setProtectedHeader({ alg, typ: 'JWT', ...kid !== undefined && { kid }, ...certificate !== undefined && { 'x5t#S256': thumbprint(certificate.pem) } })
    .sign(key)
}

/** RFC 7515 section 4.1.8, of the first certificate of a text. */
function thumbprint (pem: string): string {
  return createHash('sha256').update(new X509Certificate(pem).raw).digest('base64url')
}
