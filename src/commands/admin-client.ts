import { readFileSync } from 'node:fs'
import { Option, type Command } from 'commander'
import { request } from 'undici'
import { CommandError } from './failure.ts'

export interface AdminOptions {
  readonly admin: string
  readonly adminToken?: string
}

/** Adds what it takes to ask a running gateway by its admin port. */
export function withAdmin (command: Command): Command {
  return command
    .addOption(new Option('--admin <url>', 'the admin port of the running gateway').default('http://127.0.0.1:9090'))
    .addOption(new Option('--admin-token <token>', 'its admin.token: @file, or by COUNTERSIGN_ADMIN_TOKEN').env('COUNTERSIGN_ADMIN_TOKEN'))
}

/** Asks the admin port for JSON. @throws {CommandError} */
export async function askAdmin ({ admin, adminToken }: AdminOptions, path: string): Promise<unknown> {
  const token = adminToken?.startsWith('@') === true ? readFileSync(adminToken.slice(1), 'utf8').trim() : adminToken
  const { status, body } = await send(new URL(path, admin), token)
  const answer = parsed(body)
  if (status === 200) return answer
  const said = typeof answer === 'object' && answer !== null && 'error' in answer ? String(answer.error) : `it answered ${status}`
  throw new CommandError(`${admin}: ${said}`)
}

async function send (url: URL, token: string | undefined): Promise<{ status: number, body: string }> {
  try {
    const { statusCode, body } = await request(url, { headers: token === undefined ? {} : { authorization: `Bearer ${token}` }, headersTimeout: 10_000, bodyTimeout: 10_000 })
    return { status: statusCode, body: await body.text() }
  } catch {
    throw new CommandError(`${url.origin} does not answer: is it the admin port of a running gateway?`)
  }
}

function parsed (body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}
