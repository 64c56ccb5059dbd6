import { lessons } from './lessons.ts'
import type { Lesson, TokenName } from './lessons.ts'
import { users } from './people.ts'
import type { Paint } from './terminal.ts'

export interface Urls { readonly saas: string, readonly gateway: string, readonly admin: string, readonly idp: string, readonly erp: string }

/** Live tokens by the name that the lessons use. */
export type Tokens = Readonly<Record<Exclude<TokenName, 'none'>, string>>

/** One line to paste: a whole command by itself. */
export interface Paste { readonly id: string, readonly title: string, readonly expect: number, readonly curl: string }

/** The lessons as curl lines with live tokens in them. */
export function pastes (gateway: string, tokens: Tokens): readonly Paste[] {
  return lessons.filter(({ paste }) => paste).map((lesson) => ({
    id: lesson.id, title: lesson.title, expect: lesson.expect, curl: curl(lesson, gateway, tokens)
  }))
}

/** What the demo says once everything runs: where to click, and what to paste. */
export function welcome ({ saas, gateway, admin, idp, erp }: Urls, lines: readonly Paste[], { bold, dim, good, bad, link }: Paint): string {
  const logins = `log in as ${[...users].map(([name, { password }]) => `${name}/${password}`).join(' or ')}`
  // Tokens are long: what is to be clicked comes after them, where the eye is when the start is over.
  return `
${bold('Countersign demo')}  ${dim('everything runs here, with keys made a moment ago')}

${bold('Paste these into another terminal')}; the tokens live for an hour.

${lines.map(({ title, expect, curl }, index) => `${bold(`${index + 1}  ${title}`)} ${(expect < 400 ? good : bad)(`→ ${expect}`)}\n${fade(curl, dim)}\n`).join('\n')}
${bold('Or click')}  ${link(saas)}  ${logins}

  Gateway ${link(gateway)}  config/demo.yaml, routes.yaml
  Console ${link(`${admin}/`)}  who was refused, and why; also ${link('/readyz')}, ${link('/metrics')}
  IdP     ${link(`${idp}/.well-known/openid-configuration`)}
  ERP     ${link(erp)}  takes the gateway's own token only

${dim('Ctrl-C ends everything. What the gateway decides:')}
`
}

// The token goes last: what differs between the lines is read first.
function curl ({ method, path, body, token }: Lesson, gateway: string, tokens: Tokens): string {
  return [
    `curl -i -X ${method} ${gateway}${path}`,
    body !== undefined && `-H 'Content-Type: application/json' -d ${quote(JSON.stringify(body))}`,
    token !== 'none' && `-H ${quote(`Authorization: Bearer ${tokens[token]}`)}`
  ].filter((part) => part !== false).join(' ')
}

function quote (text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}

function fade (line: string, dim: Paint['dim']): string {
  return line.replace(/eyJ[\w.-]+/, dim)
}
