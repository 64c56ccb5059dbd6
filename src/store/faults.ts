/** An answer did not come in time. */
export class TimeIsUp extends Error {
  override readonly name = 'TimeIsUp'
}

/**
 * What a promise resolves to.
 * @throws {TimeIsUp} after that many ms; what comes later is dropped
 */
export async function inTime<T> (promise: Promise<T>, limit: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    // Where this process was busy, the answer may be there and not be read yet: what has come in is read first.
    timer = setTimeout(() => { setImmediate(() => { reject(new TimeIsUp()) }) }, limit).unref()
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

// The first word of an error of Redis, and codes of the connection. Never its text: a reply repeats what it was asked.
const FAULTS: ReadonlyArray<readonly [RegExp, string]> = [
  [/^WRONGPASS\b|^ERR invalid password/, 'refuses the password'],
  [/^NOAUTH\b/, 'wants a password'],
  [/^NOPERM\b/, 'does not allow this user a command, or these keys'],
  [/^READONLY\b/, 'is read-only'],
  [/^OOM\b/, 'is full'],
  [/^(LOADING|BUSY|MASTERDOWN|TRYAGAIN)\b/, 'is not ready'],
  [/^MISCONF\b/, 'cannot write to its disk'],
  [/^(MOVED|ASK|CROSSSLOT|CLUSTERDOWN)\b/, 'is a cluster, which is not in this version'],
  [/ECONNREFUSED/, 'refuses the connection'],
  [/ENOTFOUND|EAI_AGAIN/, 'has a name that does not resolve'],
  [/ETIMEDOUT/, 'does not take the connection in time'],
  [/CERT|TLS|SSL|SELF_SIGNED|ALTNAME|ISSUER|EPROTO/, 'has a certificate that does not hold, or no TLS']
]

export const BROKEN = 'broke the connection'

/** What went wrong, in fixed words. */
export function faultOf (error: unknown): string {
  if (error instanceof TimeIsUp) return 'does not answer in time'
  if (!(error instanceof Error)) return BROKEN
  const isReply = error.name === 'ReplyError'
  const sign = isReply ? error.message : 'code' in error ? String(error.code) : ''
  return FAULTS.find(([pattern]) => pattern.test(sign))?.[1] ?? (isReply ? 'answers with an error' : BROKEN)
}
