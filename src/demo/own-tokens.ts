import { discover, machineToken } from './oauth.ts'
import { clients, tokenSeconds } from './people.ts'

const names = { saas: clients.backend, readonly: clients.readonly }

/** The SaaS's own tokens by client credentials, each kept for half of its life. */
export function ownTokens (issuer: string): (name: keyof typeof names) => Promise<string> {
  const kept = new Map<string, { readonly token: Promise<string>, readonly until: number }>()
  return (name) => {
    const held = kept.get(name)
    if (held !== undefined && held.until > Date.now()) return held.token
    const token = discover(issuer, names[name]).then((configuration) => machineToken(configuration, names[name]))
    kept.set(name, { token, until: Date.now() + tokenSeconds * 500 })
    token.catch(() => kept.delete(name))
    return token
  }
}
