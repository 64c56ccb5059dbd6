import { setTimeout as sleep } from 'node:timers/promises'
import { blocksOf, fileOf } from '../house/pages.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { startIdp, type Idp } from '../support/idp.ts'
import type { TestContext } from '../support/teardown.ts'

/** What stands on a page, and what stands for it in the test: URLs, secrets. */
export type Replaced = ReadonlyArray<readonly [onThePage: string, here: string]>

export interface RecipeOptions {
  /** In gateway.yaml. What is not on the page fails the test. */
  readonly replaced: Replaced
  /** Secrets beside gateway.yaml, by name. */
  readonly files?: Readonly<Record<string, string>>
  /** Which of the page's gateway.yaml, from 0. */
  readonly which?: number
  /** The IdP of the callers; one of its own when left out. */
  readonly idp?: Idp
  readonly clock?: () => number
}

/** A gateway that has the two files of a page, and the IdP of its callers. */
export interface Recipe {
  readonly idp: Idp
  readonly gateway: TestGateway
  /** A user's token with these scopes. */
  user (scope: string): string
  /** A machine's. */
  client (scope: string): string
}

/** The IdP that every page shows. */
const ISSUER = 'https://login.example.com'

export async function startRecipe (t: TestContext, page: string, { replaced, files = {}, which = 0, idp: given, clock }: RecipeOptions): Promise<Recipe> {
  const idp = given ?? await startIdp(t, clock === undefined ? {} : { clock })
  const gateway = await startGateway(t, {
    gateway: [
      replace(textOf(page, 'gateway', which), [[ISSUER, idp.issuer], ...replaced], page),
      "listen: { host: '127.0.0.1', port: 0 }",
      "admin: { host: '127.0.0.1', port: 0 }",
      'log: { level: trace }'
    ].join('\n'),
    routes: textOf(page, 'routes', 0),
    files,
    ...clock !== undefined && { clock }
  })
  return {
    idp,
    gateway,
    user: scope => idp.mintUser({ scope }),
    client: scope => idp.mintClient({ scope })
  }
}

/** Waits, a generous time, until it is so. */
export async function until (isSo: () => boolean): Promise<void> {
  for (let tries = 0; !isSo(); tries += 1) {
    if (tries > 1000) throw new Error('it did not come about within 10 s')
    await sleep(10)
  }
}

function textOf (page: string, file: 'gateway' | 'routes', which: number): string {
  const block = blocksOf(page).filter(one => fileOf(one) === file)[which]
  if (block === undefined) throw new Error(`${page} has no ${file}.yaml number ${which}`)
  return block.text
}

function replace (text: string, table: Replaced, page: string): string {
  return table.reduce((left, [onThePage, here]) => {
    if (!left.includes(onThePage)) throw new Error(`${page} does not have ${JSON.stringify(onThePage)} in its gateway.yaml`)
    return left.replaceAll(onThePage, here)
  }, text)
}
