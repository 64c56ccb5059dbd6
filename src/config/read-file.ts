import { open } from 'node:fs/promises'
import { MAX_BYTES } from './yaml-parse.ts'
import { readYaml, type Source } from './yaml.ts'

const READ_AT_MOST = MAX_BYTES + 1
const SPARE = 4096

/**
 * Reads one of the two files. A file that cannot be read is a mistake at its first character.
 * @param hint what to do where there is none
 */
export async function readSource (file: string, hint: string): Promise<Source> {
  const bytes = await read(file)
  if (typeof bytes !== 'string') return readYaml(file, bytes)
  const source = readYaml(file, new Uint8Array())
  source.mistakes.length = 0
  source.report([], bytes === 'ENOENT' ? `there is no such file. ${hint}` : `cannot be read (${bytes}). ${hint}`)
  return { ...source, value: undefined }
}

// Not readFile: a device or an endless file must not fill the memory.
async function read (file: string): Promise<Uint8Array | string> {
  try {
    const handle = await open(file, 'r')
    try {
      const stats = await handle.stat()
      if (!stats.isFile()) return 'it is no plain file'
      // A little more than it says it has: what is written meanwhile, and a file of the kernel's that says 0.
      let buffer = new Uint8Array(Math.min(stats.size + SPARE, READ_AT_MOST))
      for (let length = 0; ;) {
        if (length === READ_AT_MOST) return buffer
        if (length === buffer.length) buffer = twice(buffer)
        const { bytesRead } = await handle.read(buffer, length, buffer.length - length)
        if (bytesRead === 0) return buffer.subarray(0, length)
        length += bytesRead
      }
    } finally {
      await handle.close()
    }
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
  }
}

function twice (buffer: Uint8Array): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(Math.min(buffer.length * 2, READ_AT_MOST))
  larger.set(buffer)
  return larger
}
