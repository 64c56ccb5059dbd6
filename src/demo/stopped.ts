/**
 * Resolves on the first signal. Later ones change nothing: under `npm run`, one Ctrl-C arrives twice, from the
 * terminal and from npm; and the end is bounded in time anyway.
 */
export async function untilStopped (): Promise<undefined> {
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve())
    // Signals that reach npm alone end the shell between npm and this process, and not this process.
    if (process.env.npm_lifecycle_event !== undefined) whenOrphaned(resolve)
    // A terminal that was closed, or a pipe whose reader has gone.
    for (const stream of [process.stdout, process.stderr]) stream.on('error', () => resolve())
  })
}

function whenOrphaned (then: () => void): void {
  const parent = process.ppid
  setInterval(() => { if (process.ppid !== parent) then() }, 500).unref()
}
