import { fstatSync, writeSync } from 'node:fs'
import { pino, type DestinationStream } from 'pino'

/** ms that a line waits at most for others to be written with it */
const LONGEST = 50
/** bytes that are written at a time */
const CHUNK = 64 * 1024
/** bytes that a pipe takes as one piece, however many write to it (PIPE_BUF of pipe(7)) */
const WHOLE_IN_A_PIPE = 4096
/** bytes that may wait for whoever reads the log; what comes after is lost, and the gateway goes on */
const MOST_WAITING = 16 * 1024 * 1024

export interface LogOutput extends DestinationStream {
  /** Writes what waits. To be called before the end: at the exit it would overtake what is being written. */
  flush (): Promise<void>
}

/**
 * Standard output, many lines at a time: to write each by itself costs more than to make it. Lines are put into bytes
 * as they come: as text they would be measured, copied and encoded once more, together.
 * @param shared several processes write to it: into a pipe no more goes at a time than stays together
 */
export function createLogOutput ({ shared = false } = {}): LogOutput {
  const size = shared && isPipe() ? WHOLE_IN_A_PIPE : CHUNK
  const output = pino.destination({ dest: 1, sync: false, contentMode: 'buffer', maxLength: MOST_WAITING, ...size < CHUNK && { maxWrite: size } })
  let chunk = Buffer.allocUnsafe(size)
  let used = 0
  let writing = false
  let timer: NodeJS.Timeout | undefined

  function handOver (): void {
    clearTimeout(timer)
    timer = undefined
    if (used === 0) return
    // What waits for its reader must not keep more memory than it counts for.
    const isFull = used > size / 2
    put(isFull ? chunk.subarray(0, used) : Buffer.from(chunk.subarray(0, used)))
    if (isFull) chunk = Buffer.allocUnsafe(size)
    used = 0
  }

  output.on('drain', () => { writing = false })

  function put (bytes: Buffer): void {
    writing = true
    // Its types know of text alone; in this mode it takes bytes alone.
    output.write(bytes as unknown as string)
  }

  // At a crash, what was handed over is flushed by the logger; what is still here follows it.
  process.once('exit', () => {
    try {
      output.flushSync()
      writeSync(1, chunk, 0, used)
    } catch {
      // Nobody reads, and there is nobody left to tell.
    }
  })

  return {
    async flush () {
      if (used === 0 && !writing) return
      const written = new Promise<void>(resolve => { output.once('drain', () => { resolve() }) })
      handOver()
      await written
    },
    write (line) {
      // UTF-8 takes at most three bytes for one unit of a string.
      const most = line.length * 3
      if (used + most > chunk.length) handOver()
      if (most > chunk.length) {
        put(Buffer.from(line))
        return
      }
      used += chunk.write(line, used)
      timer ??= setTimeout(handOver, LONGEST).unref()
    }
  }
}

function isPipe (): boolean {
  try {
    return fstatSync(1).isFIFO()
  } catch {
    return false
  }
}
