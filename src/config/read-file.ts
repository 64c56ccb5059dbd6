import { open } from 'node:fs/promises'
import { MAX_BYTES } from './yaml-parse.ts'
import { readYaml, type Source } from './yaml.ts'

const READ_AT_MOST = MAX_BYTES + 1

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
      if (!(await handle.stat()).isFile()) return 'it is no plain file'
      const buffer = new Uint8Array(READ_AT_MOST)
      let length = 0
      for (;;) {
        const { bytesRead } = await handle.read(buffer, length, READ_AT_MOST - length)
        length += bytesRead
        if (bytesRead === 0 || length === READ_AT_MOST) return buffer.subarray(0, length)
      }
    } finally {
      await handle.close()
    }
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
  }
}
