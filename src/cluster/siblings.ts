import type { Counted } from '../inbound/counters.ts'
import type { CounterStore } from '../inbound/shared-counting.ts'
import { IdpError } from '../idp/http.ts'
import type { TokenStore } from '../outbound/token-store.ts'
import type { Channel } from './channel.ts'
import type { Counting, TokenAnswer, TokenHad, TokenWanted } from './shared-state.ts'

/** What a worker shares with the others, by the process that leads them. */
export interface Siblings {
  readonly counters: CounterStore
  readonly tokens: TokenStore
}

/** ms; the leader does little else */
const COUNT_WITHIN = 500
/** ms: the leader answers when whoever asks the IdP has its answer */
const TOKEN_WITHIN = 4800

export function createSiblings ({ ask, tell }: Pick<Channel, 'ask' | 'tell'>): Siblings {
  return {
    counters: {
      // An answer of this very program.
      of: limit => async (key, window) => await ask('count', { limit, key, window } satisfies Counting, COUNT_WITHIN) as Counted | undefined
    },
    tokens: {
      of: request => ({
        async obtain (wanted, askIdp) {
          const answer = await ask('token', { request, ...wanted } satisfies TokenWanted, TOKEN_WITHIN) as TokenAnswer | undefined
          if (answer === undefined) return await askIdp()
          if ('token' in answer) return answer.token
          if ('none' in answer) return undefined
          if ('inVain' in answer) throw new IdpError('was asked by another worker, in vain')
          const had = (token: TokenHad['token']): void => { tell('tokenHad', { request, token, refused: wanted.refused } satisfies TokenHad) }
          try {
            const token = await askIdp()
            had(token)
            return token
          } catch (error) {
            had(undefined)
            throw error
          }
        }
      })
    }
  }
}
