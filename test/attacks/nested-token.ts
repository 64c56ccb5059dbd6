import type { Idp } from '../support/idp.ts'
import { apiAudience } from '../support/mint.ts'

/** So deep that whoever writes the value down by recursion runs out of stack, in a token of the usual size. */
export const DEPTH = 5600

/** A user's token, rightly signed, with one claim that is nested thousands deep. */
export function nestedToken (idp: Idp, claim: string, way: 'list' | 'object'): string {
  const now = Math.floor(Date.now() / 1000)
  const claims = { iss: idp.issuer, aud: apiAudience, sub: 'user-1', client_id: 'saas', auth_time: now, exp: now + 60, [claim]: 0 }
  // An object's level takes more bytes than a list's: as deep as fits.
  const nested = way === 'list' ? `${'['.repeat(DEPTH)}${']'.repeat(DEPTH)}` : `${'[{"":'.repeat(DEPTH / 4)}[]${'}]'.repeat(DEPTH / 4)}`
  return idp.sign({ alg: idp.keys.current.alg, kid: idp.keys.current.kid, typ: 'at+jwt' }, JSON.stringify(claims).replace(`"${claim}":0`, `"${claim}":${nested}`))
}
