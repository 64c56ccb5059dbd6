import { execFile } from 'node:child_process'

export interface Ended { readonly status: number, readonly stdout: string, readonly stderr: string }

/** Runs a command to its end, for ten seconds at most. */
export async function runCommandLine ([program = '', ...args]: readonly string[], env: Readonly<Record<string, string>> = {}, cwd?: string): Promise<Ended> {
  return await new Promise(resolve => {
    execFile(program, args, { env: { ...process.env, ...env }, cwd, timeout: 10_000, maxBuffer: 16 * 1024 * 1024 }, (error, stdout, stderr) => {
      resolve({ status: error === null ? 0 : typeof error.code === 'number' ? error.code : 1, stdout, stderr })
    })
  })
}
