import fc from 'fast-check'
import t from 'tap'
import { parseDocument } from '../../src/openapi/document.ts'
import { readDescription } from '../../src/openapi/description.ts'
import { patternOf, requestPath } from '../../src/openapi/path.ts'
import { tellWho } from '../../src/openapi/security.ts'
import { compileMatcher, type Matcher } from '../../src/policy/match.ts'
import { METHODS, parseMatch } from '../../src/policy/pattern.ts'
import { Refusal } from '../../src/policy/problems.ts'
import type { Require } from '../../src/policy/require.ts'
import { parseTarget } from '../../src/policy/target.ts'
import { compareAudiences } from '../../src/policy/wider.ts'
import { checked, imported, openapi } from './described.ts'

const seed = 20_261_129

const anything = fc.anything({ maxDepth: 2, withBigInt: false })
const word = fc.oneof({ weight: 8, arbitrary: fc.constantFrom('user', 'client', 'both', 'oidc') }, { weight: 1, arbitrary: fc.constantFrom('key', 'nobody', '__proto__') }, { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 12 }) })
const scopes = fc.array(fc.oneof({ weight: 8, arbitrary: fc.constantFrom('read', 'write', 'a:b', 'yes', '1e3') }, { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 8 }) }), { maxLength: 3 })
const security = fc.oneof({ weight: 8, arbitrary: fc.array(fc.dictionary(word, fc.oneof({ weight: 8, arbitrary: scopes }, { weight: 1, arbitrary: anything }), { maxKeys: 2 }), { maxLength: 3 }) }, { weight: 1, arbitrary: anything })
const piece = fc.oneof({ weight: 6, arbitrary: fc.constantFrom('pets', 'pets', 'export', '{id}', '{id}', '{id}.json', '{pet-id}', '{proxy+}', 'Orders({key})', "Items('{id}')", 'a b', '$batch', '') }, { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 10 }) })
const template = fc.array(piece, { minLength: 1, maxLength: 4 }).map(pieces => `/${pieces.join('/')}`)
const operation = fc.oneof({ weight: 6, arbitrary: fc.record({ security, summary: fc.string({ unit: 'binary' }), operationId: fc.string({ unit: 'binary', maxLength: 20 }) }, { requiredKeys: [] }) }, { weight: 1, arbitrary: anything })
const item = fc.oneof({ weight: 8, arbitrary: fc.dictionary(fc.constantFrom(...METHODS.map(method => method.toLowerCase()), 'trace', '$ref', 'servers', 'parameters'), operation, { maxKeys: 3 }) }, { weight: 1, arbitrary: anything })

t.test('whatever a description says, its routes.yaml loads where it has a rule, and none of them is public', { timeout: 120_000 }, async t => {
  let rules = 0
  await fc.assert(fc.asyncProperty(fc.dictionary(template, item, { minKeys: 1, maxKeys: 5 }), security, async (paths, global) => {
    const description = readDescription(openapi(paths, { security: global }))
    const result = imported(description)
    if (result.told + result.left.length + result.inexpressible.length !== result.operations) throw new Error('an operation is lost')
    if (result.rules === 0) return
    const { configuration, errors } = await checked(t, result.routes)
    if (configuration === undefined) throw new Error(`${errors.join('\n')}\n${result.routes}`)
    const passable = configuration.routes.filter(({ require }) => require !== 'public' && !isClosed(require))
    if (passable.length !== result.rules || configuration.routes.some(({ require }) => require === 'public')) throw new Error(result.routes)
    // Whoever a request of an operation lets in, by whichever rule, may call it by the description.
    const matcher = compileMatcher(configuration.routes)
    for (const operation of description.operations) {
      const rule = met(matcher, operation.method, requestPath(operation.template, 'x~'))
      const { require } = tellWho(operation.security, description.schemes, new Map())
      const narrower = rule === undefined || isClosed(rule.require) || (require !== undefined && ['same', 'narrower'].includes(compareAudiences({ require, issuers: ['main'] }, rule)))
      if (!narrower) throw new Error(`${operation.method} ${operation.template}\n${result.routes}`)
    }
    rules += result.rules
  }), { seed, numRuns: 400 })
  t.ok(rules > 100, `${rules} rules`)
})

function isClosed (require: Require): boolean {
  return require !== 'public' && require.every(({ conditions }) => conditions.where === 'false')
}

function met<R> (matcher: Matcher<R>, method: string, path: string): R | undefined {
  try {
    return matcher.find(method, parseTarget(path).path).rule
  } catch (error) {
    if (error instanceof Refusal) return undefined
    throw error
  }
}

t.test('a request of an operation meets the rule of its path, or is refused as no path at all', { timeout: 60_000 }, async t => {
  let met = 0
  fc.assert(fc.property(template, template => {
    const pattern = patternOf(template)
    if (!('path' in pattern)) return
    const matcher = compileMatcher([{ match: parseMatch(`GET ${pattern.path}`) }])
    try {
      matcher.find('GET', parseTarget(requestPath(template, 'x')).path)
      met++
    } catch (error) {
      if (!(error instanceof Refusal) || error.problem.status !== 400) throw error
    }
  }), { seed, numRuns: 3000 })
  t.ok(met > 500, `${met} of them`)
})

t.test('a text is a description, or refused with a reason', { timeout: 60_000 }, async t => {
  let read = 0
  const line = fc.oneof(fc.constantFrom('openapi: 3.1.0', 'paths:', '  /a:', '    get: {}', '  /b: &b', '  /c: *b', '---', '{', '}', '  "x": [', '<<: *b', 'swagger: "2.0"'), fc.string({ maxLength: 20 }))
  fc.assert(fc.property(fc.array(line, { maxLength: 8 }).map(lines => lines.join('\n')), text => {
    try {
      imported(readDescription(parseDocument(text)))
      read++
    } catch (error) {
      if (!(error instanceof Error) || error.name !== 'DescriptionError') throw error
    }
  }), { seed, numRuns: 3000 })
  t.ok(read > 0)
})
