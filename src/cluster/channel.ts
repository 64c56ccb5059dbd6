/** What one process asks or tells another one of the same gateway. */
type Message =
  | { readonly countersign: 'ask', readonly id: number, readonly what: string, readonly body: unknown }
  | { readonly countersign: 'answer', readonly id: number, readonly body: unknown }
  | { readonly countersign: 'tell', readonly what: string, readonly body: unknown }

/** What the other side may ask for or tell, by name. What is thrown is answered with nothing. */
export type Handlers = Readonly<Record<string, (body: unknown) => unknown>>

/** One end of the line between two processes. */
export interface Channel {
  /** The answer; undefined where there is none, within `longest` ms or at all. Never rejects. */
  ask (what: string, body: unknown, longest: number): Promise<unknown>
  tell (what: string, body?: unknown): void
  /** Takes what has arrived. */
  receive (message: unknown): void
}

/** @param send may fail, for the other side may be gone; nobody is told but who waits for an answer */
export function createChannel (send: (message: object) => void, handlers: Handlers): Channel {
  const waiting = new Map<number, (body: unknown) => void>()
  let asked = 0

  function post (message: Message): void {
    try {
      send(message)
    } catch {
      // The line is down: an answer will be missed, and a word is lost with its hearer.
    }
  }

  async function handle ({ what, body }: { readonly what: string, readonly body: unknown }): Promise<unknown> {
    try {
      return await (Object.hasOwn(handlers, what) ? handlers[what]?.(body) : undefined)
    } catch {
      return undefined
    }
  }

  return {
    async ask (what, body, longest) {
      const id = asked++
      return await new Promise(resolve => {
        const answered = (answer: unknown): void => {
          clearTimeout(limit)
          waiting.delete(id)
          resolve(answer)
        }
        const limit = setTimeout(answered, longest).unref()
        waiting.set(id, answered)
        post({ countersign: 'ask', id, what, body })
      })
    },
    tell (what, body) { post({ countersign: 'tell', what, body }) },
    receive (message) {
      if (!isMessage(message)) return
      if (message.countersign === 'answer') waiting.get(message.id)?.(message.body)
      else if (message.countersign === 'tell') void handle(message)
      else void handle(message).then(body => { post({ countersign: 'answer', id: message.id, body }) })
    }
  }
}

// Libraries use the same line.
function isMessage (message: unknown): message is Message {
  return typeof message === 'object' && message !== null && 'countersign' in message
}
