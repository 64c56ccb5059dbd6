import { createLocalJWKSet, jwtVerify, type JSONWebKeySet } from 'jose'
import type { ServerResponse } from 'node:http'
import type { Idp } from '../idp.ts'

/** What a Microsoft API wants of an app-only token. */
export interface AppTokenWants {
  readonly audience: string
  /** An application permission, which comes in `roles`. */
  readonly role?: string
}

/**
 * The application that an app-only token is of; undefined where it is none of this tenant's for this API. A token with `scp` is a
 * delegated one, a user's (Microsoft Learn, "Access token claims reference").
 */
export async function applicationOf (idp: Idp, authorization: string | undefined, { audience, role }: AppTokenWants): Promise<string | undefined> {
  const token = /^Bearer (\S+)$/.exec(authorization ?? '')?.[1] ?? ''
  try {
    // The test filled the set with JWKs; jose checks them again.
    const keys = createLocalJWKSet({ keys: idp.keys.published } as JSONWebKeySet)
    const { payload } = await jwtVerify(token, keys, { issuer: idp.issuer, audience, requiredClaims: ['exp', 'appid'] })
    const roles = [payload['roles'] ?? []].flat()
    if (payload['scp'] !== undefined || (role !== undefined && !roles.includes(role))) return undefined
    return String(payload['appid'])
  } catch {
    return undefined
  }
}

/** Has the stand-in give tokens as Entra does: the scope `<resource>/.default` becomes the audience, application permissions roles. */
export function asEntra (idp: Idp, { resource, appid, roles }: { readonly resource: string, readonly appid: string, readonly roles?: readonly string[] }): void {
  // Assigned by the caller's test, read by the token endpoint.
  idp.machine.claims = { aud: resource, appid, client_id: undefined, scope: undefined, idtyp: 'app', oid: appid, sub: appid, ...roles && { roles } }
  idp.machine.answer = { scope: undefined }
}

/** OData V4's form of an error, as both APIs have it. */
export function odataError (res: ServerResponse, status: number, code: string, message: string, headers: Readonly<Record<string, string>> = {}): void {
  res.writeHead(status, { 'content-type': 'application/json; odata.metadata=minimal', 'odata-version': '4.0', ...headers }).end(JSON.stringify({ error: { code, message } }))
}
