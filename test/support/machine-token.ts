import type { JSONWebKeySet, JWTPayload } from 'jose'
import { answering, type ErpHandler } from './erp.ts'
import type { Idp } from './idp.ts'

/** What the ERP insists on: the audience https://erp.example.com when left out, and no scope. */
export interface MachineTokenWants {
  readonly audience?: string
  readonly scope?: string
  /** Where it looks for `Bearer …`, in lower case; authorization when left out. */
  readonly header?: string
}

/** Answers 401 unless the machine token is one of this identity provider's, for this audience and scope. */
export function verifying (idp: Idp, wants: MachineTokenWants = {}, then: ErpHandler = answering()): ErpHandler {
  return async (req, res, seen) => {
    try {
      await verifyMachineToken(idp, seen.headers[wants.header ?? 'authorization'], wants)
    } catch {
      return await answering(401, { error: 'invalid_token' }, { 'www-authenticate': 'Bearer realm="erp"' })(req, res, seen)
    }
    return await then(req, res, seen)
  }
}

/** The machine token's claims, by jose; throws where it does not verify now. The keys are read without a request. */
export async function verifyMachineToken (idp: Idp, credential: unknown, wants: MachineTokenWants = {}): Promise<JWTPayload> {
  // Loaded where it is used: most tests' ERPs look at nothing.
  const { createLocalJWKSet, jwtVerify } = await import('jose')
  const token = /^Bearer (\S+)$/.exec(String(credential))?.[1] ?? ''
  // The test filled the set with JWKs; jose checks them again.
  const set = createLocalJWKSet({ keys: idp.keys.published } as JSONWebKeySet)
  const { payload } = await jwtVerify(token, set, {
    issuer: idp.issuer, audience: wants.audience ?? 'https://erp.example.com', requiredClaims: ['exp'], typ: 'at+jwt'
  })
  const scopes = String(payload['scope']).split(' ')
  if (wants.scope !== undefined && !scopes.includes(wants.scope)) throw new Error('scope missing')
  return payload
}
