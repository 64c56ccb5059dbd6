import { pino, type DestinationStream } from 'pino'

/** ms that a line waits at most for others to be written with it */
const LONGEST = 50
/** bytes that are written at once, without waiting */
const AT_ONCE = 16_000

export interface LogOutput extends DestinationStream {
  /** Writes what waits. To be called before the end: at the exit it would overtake what is being written. */
  flush (): Promise<void>
}

/** Standard output, many lines at a time: to write each by itself costs more than to make it. */
export function createLogOutput (): LogOutput {
  const output = pino.destination({ dest: 1, minLength: AT_ONCE, sync: false })
  let timer: NodeJS.Timeout | undefined

  return {
    flush: async () => { await new Promise<void>(resolve => { output.flush(() => { resolve() }) }) },
    write (line) {
      output.write(line)
      timer ??= setTimeout(() => {
        timer = undefined
        output.flush()
      }, LONGEST).unref()
    }
  }
}
