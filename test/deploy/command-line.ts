import { execFile } from 'node:child_process'

export interface Ended { readonly status: number, readonly stdout: string, readonly stderr: string }

/** Runs a command to its end, for half a minute at most; the status is 127 where there is no such program. */
export async function runCommandLine ([program = '', ...args]: readonly string[], env: Readonly<Record<string, string>> = {}, cwd?: string): Promise<Ended> {
  return await new Promise(resolve => {
    execFile(program, args, { env: { ...process.env, ...env }, cwd, timeout: 30_000, maxBuffer: 16 * 1024 * 1024 }, (error, stdout, stderr) => {
      resolve({ status: error === null ? 0 : error.code === 'ENOENT' ? 127 : typeof error.code === 'number' ? error.code : 1, stdout, stderr })
    })
  })
}
