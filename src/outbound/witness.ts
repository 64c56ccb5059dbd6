import type { AttemptWatcher } from './relay.ts'

/** By these an ERP says that it did nothing (RFC 9110 section 15.5.2, RFC 6585 section 4). */
const NOTHING_DONE: ReadonlySet<number> = new Set([401, 429])

/** Sees over all tries of a request whether the upstream may have carried it out. */
export class Witness {
  /** tries of which it may have been, by all that is known */
  doubtful = 0

  /** @param watcher who follows the try already */
  beside (watcher: AttemptWatcher | undefined): AttemptWatcher {
    // The ERP's 403 for want of a session's token: it is sent again in another one.
    let wasForbidden = false
    return {
      declines: (status, replayable, raw) => {
        const declines = watcher?.declines(status, replayable, raw) === true
        wasForbidden = declines && status === 403
        return declines
      },
      ended: end => {
        if (end.connected && !wasForbidden && !(end.status !== undefined && NOTHING_DONE.has(end.status))) this.doubtful++
        watcher?.ended(end)
      }
    }
  }
}
