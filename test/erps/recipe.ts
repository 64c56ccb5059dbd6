import type { Test } from 'tap'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { blocksOf, complaints, examplesOf, fileOf, type Block } from '../house/pages.ts'

/** What of a page stands for a place or a secret of the reader's, and what the test puts there. */
export type Replacements = Readonly<Record<string, string>>

export interface RecipeOptions {
  readonly page: string
  /** The heading that the gateway.yaml stands under. */
  readonly heading: string
  readonly replace: Replacements
  /** Secrets, certificates and keys, by the name that a replacement gave them. */
  readonly files?: Readonly<Record<string, string>>
}

/** Ports that are free; the page leaves both to their defaults. */
const PORTS = 'listen: { host: 127.0.0.1, port: 0 }\nadmin: { host: 127.0.0.1, port: 0 }\nlog: { level: trace }\n'

/** The gateway with the two files that a page shows, to the letter but for what is replaced. Fails where a replaced text is not there. */
export async function startRecipe (t: Test, { page, heading, replace, files = {} }: RecipeOptions): Promise<TestGateway> {
  const shown = blocksOf(page)
  const gateway = theOne(shown.filter(block => fileOf(block) === 'gateway' && block.heading === heading), `a gateway.yaml under "${heading}"`, page)
  const routes = theOne(shown.filter(block => fileOf(block) === 'routes'), 'a routes.yaml', page)
  return await startGateway(t, { gateway: PORTS + replaced(gateway, replace), routes: routes.text, files })
}

/** Each gateway.yaml of a page has a test of its heading, and `check` says nothing of either file but that the secrets are elsewhere. */
export async function assertRecipes (t: Test, page: string, headings: readonly string[]): Promise<void> {
  const gateways = blocksOf(page).filter(block => fileOf(block) === 'gateway').map(({ heading }) => heading)
  t.same([...gateways].sort(), [...headings].sort(), 'each of them is tried')
  for (const example of await examplesOf(t, page)) {
    const said = complaints(example, { warnings: true }).filter(line => !line.endsWith('the file cannot be read (ENOENT)'))
    t.same(said, [], example.block.at)
  }
}

function theOne (blocks: readonly Block[], what: string, page: string): Block {
  const [block, ...more] = blocks
  if (block === undefined || more.length > 0) throw new Error(`${page} has ${blocks.length} times ${what}`)
  return block
}

function replaced ({ text, at }: Block, replace: Replacements): string {
  return Object.entries(replace).reduce((changed, [from, to]) => {
    if (!changed.includes(from)) throw new Error(`${at} has no "${from}"`)
    return changed.replaceAll(from, to)
  }, text)
}
