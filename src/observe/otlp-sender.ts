import { IdpError, type IdpClient } from '../idp/http.ts'
import type { Secret } from '../config/secrets.ts'

export type Signal = 'traces' | 'metrics'

/** Sends to a collector by OTLP over HTTP. */
export interface OtlpSender {
  /**
   * One request, in JSON. Never rejects, and takes a few seconds at most.
   * @param body undefined where it could not be written
   * @param items how many spans or points are in it
   * @returns how many of them were not taken
   */
  send (signal: Signal, body: Uint8Array | undefined, items: number): Promise<number>
}

export interface SenderParts {
  readonly client: IdpClient
  readonly endpoint: string
  readonly headers: Readonly<Record<string, Secret>>
  readonly onExport: (signal: Signal, ok: boolean) => void
  /** It begins to fail, or no longer does. @param problem in fixed words, where it fails */
  readonly onChange: (signal: Signal, problem: string | undefined) => void
}

export function createOtlpSender ({ client, endpoint, headers, onExport, onChange }: SenderParts): OtlpSender {
  const base = endpoint.replace(/\/$/, '')
  const shown = Object.fromEntries(Object.entries(headers).map(([name, secret]) => [name, secret.reveal()]))
  const failing = new Set<Signal>()

  async function post (signal: Signal, body: Uint8Array): Promise<Buffer> {
    const answer = await client.send(`${base}/v1/${signal}`, { method: 'POST', headers: { ...shown, 'content-type': 'application/json' }, body })
    if (answer.status < 200 || answer.status > 299) throw new IdpError(`answered ${answer.status}`)
    return answer.body
  }

  function tell (signal: Signal, problem: string | undefined): void {
    onExport(signal, problem === undefined)
    if (failing.has(signal) === (problem !== undefined)) return
    if (problem === undefined) failing.delete(signal)
    else failing.add(signal)
    onChange(signal, problem)
  }

  return {
    async send (signal, body, items) {
      try {
        if (body === undefined) throw new IdpError('could not be written')
        const refused = refusedIn(await post(signal, body))
        tell(signal, undefined)
        return Math.min(refused, items)
      } catch (error) {
        tell(signal, error instanceof IdpError ? error.message : 'failed')
        return items
      }
    }
  }
}

// OTLP's partial success: some were not taken, and sending them again would not help.
function refusedIn (body: Buffer): number {
  try {
    const { partialSuccess } = JSON.parse(body.toString()) as { partialSuccess?: { rejectedSpans?: unknown, rejectedDataPoints?: unknown } }
    const refused = Number(partialSuccess?.rejectedSpans ?? partialSuccess?.rejectedDataPoints ?? 0)
    return Number.isInteger(refused) && refused > 0 ? refused : 0
  } catch {
    // Whatever it says, it took them.
    return 0
  }
}
