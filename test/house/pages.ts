import type { Test } from 'tap'
import { join } from 'node:path'
import { parse } from 'yaml'
import { gatewaySchema } from '../../src/config/gateway-schema.ts'
import { loadConfiguration, type Loaded } from '../../src/config/load.ts'
import { routesSchema } from '../../src/config/routes-schema.ts'
import { read } from './repository.ts'

/** A fenced block of a page. */
export interface Block {
  /** `docs/tokens.md:12`, its first line */
  readonly at: string
  readonly language: string
  readonly text: string
  /** the heading that it stands under */
  readonly heading: string
}

/** The pair of files that an example makes, and what was said about them. */
export interface Example {
  readonly block: Block
  readonly loaded: Loaded
}

const BASE = {
  issuers: { main: { issuer: 'https://id.example.com', audience: 'https://api.example.com' } },
  upstreams: { erp: { url: 'https://erp.example.com', credential: 'none' } }
}

/** The fenced blocks of a Markdown text, in order. */
export function blocksOf (page: string): readonly Block[] {
  const lines = read(page).split('\n')
  const blocks: Block[] = []
  let heading = ''
  let open: { readonly language: string, readonly from: number } | undefined
  lines.forEach((line, at) => {
    const [, language] = /^```(\S*)/.exec(line) ?? []
    if (open === undefined && line.startsWith('#')) heading = line.replace(/^#+ /, '')
    if (language === undefined) return
    if (open === undefined) open = { language, from: at + 1 }
    else {
      blocks.push({ at: `${page}:${open.from + 1}`, language: open.language, heading, text: lines.slice(open.from, at).join('\n') })
      open = undefined
    }
  })
  return blocks
}

/** Which of the two files a block is of, by its keys; undefined where it is of neither. */
export function fileOf ({ language, text }: Block): 'gateway' | 'routes' | undefined {
  if (language !== 'yaml') return undefined
  const keys = [...text.matchAll(/^([a-z_]+):/gm)].map(found => found[1] ?? '')
  if (keys.some(key => Object.hasOwn(gatewaySchema.shape, key))) return 'gateway'
  return keys.some(key => Object.hasOwn(routesSchema.shape, key)) ? 'routes' : undefined
}

/**
 * Loads every example of a page as `check` does. What gateway.yaml cannot be without is added; an example of routes.yaml
 * is loaded with the gateway.yaml before it on the page.
 */
export async function examplesOf (t: Test, page: string): Promise<readonly Example[]> {
  const examples: Example[] = []
  let gateway: Record<string, unknown> = BASE
  for (const block of blocksOf(page)) {
    const file = fileOf(block)
    if (file === undefined) continue
    if (file === 'gateway') gateway = { ...BASE, ...objectIn(block) }
    const folder = t.testdir({
      'gateway.yaml': file === 'gateway' ? completed(block) : JSON.stringify(gateway),
      'routes.yaml': file === 'routes' ? block.text : openRoutes(gateway)
    })
    const paths = { config: join(folder, 'gateway.yaml'), routes: join(folder, 'routes.yaml') }
    examples.push({ block, loaded: await loadConfiguration(paths, {}, { secrets: 'optional' }) })
  }
  return examples
}

/** What `check` would say of an example, but for the secrets that are on nobody's machine. */
export function complaints ({ block, loaded: { mistakes } }: Example, { warnings }: { warnings: boolean }): readonly string[] {
  return mistakes
    .filter(({ severity, path }) => severity === 'error' || (warnings && !/\.(client_secret|password)$/.test(path)))
    .map(({ line, path, message }) => `${block.at} (+${line}) ${path}: ${message}`)
}

// Kept as text, so that what the loader says of a place is about the page.
function completed (block: Block): string {
  const own = objectIn(block)
  const missing = Object.entries(BASE).filter(([key]) => !Object.hasOwn(own, key)).map(([key, value]) => `${key}: ${JSON.stringify(value)}`)
  return [block.text, ...missing, ''].join('\n')
}

function openRoutes ({ issuers, upstreams }: Record<string, unknown>): string {
  return JSON.stringify({
    defaults: { issuers: namesIn(issuers), upstream: namesIn(upstreams)[0] },
    routes: [{ match: 'GET /status', require: 'user|client' }]
  })
}

function namesIn (mapping: unknown): readonly string[] {
  return typeof mapping === 'object' && mapping !== null ? Object.keys(mapping) : []
}

function objectIn ({ text, at }: Block): Record<string, unknown> {
  const value: unknown = parse(text)
  if (typeof value !== 'object' || value === null) throw new Error(`${at} is no mapping`)
  return { ...value }
}
