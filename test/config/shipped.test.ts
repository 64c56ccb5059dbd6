import { readFile } from 'node:fs/promises'
import t from 'tap'
import { parse } from 'yaml'
import * as z from 'zod'
import { caseSchema, casesSchema } from '../../src/config/cases-schema.ts'
import { gatewaySchema, issuerSchema, listenSchema, upstreamSchema } from '../../src/config/gateway-schema.ts'
import { formatSchema, jsonSchemas } from '../../src/config/json-schema.ts'
import { loadConfiguration } from '../../src/config/load.ts'
import { breakerSchema, concurrencySchema, healthCheckSchema } from '../../src/config/protection-schema.ts'
import { redisSchema } from '../../src/config/redis-schema.ts'
import { conditionsSchema } from '../../src/config/require-schema.ts'
import { ruleSchema } from '../../src/config/routes-schema.ts'
import { GATEWAY, load, ROUTES, SECRET } from './files.ts'

const SHIPPED = { config: 'config/gateway.yaml', routes: 'routes.yaml' }

async function publishedSchema (name: string): Promise<z.core.JSONSchema.JSONSchema> {
  // It is our own file, compared to the letter with what the code makes.
  return JSON.parse(await readFile(`config/${name}`, 'utf8')) as z.core.JSONSchema.JSONSchema
}

t.test('the files that ship load, with a client secret and nothing else', async t => {
  const { configuration, mistakes } = await loadConfiguration(SHIPPED, { ERP_CLIENT_SECRET: SECRET })
  t.same(mistakes, [])
  t.same(configuration?.routes.map(({ name }) => name), ['POST /addresses', 'GET /addresses', 'GET /addresses/:id', 'PUT|PATCH /addresses/:id', 'GET /status'])
  t.equal(configuration?.routes[0]?.at, 'routes.yaml:4')
})

t.test('the files that ship tell check of the missing secret, and no more', async t => {
  const { configuration, mistakes } = await loadConfiguration(SHIPPED, {}, { secrets: 'optional' })
  t.same(mistakes.map(({ severity, path }) => [severity, path]), [['warning', 'upstreams.erp.credential.client_credentials.client_secret']])
  t.ok(configuration)
  t.equal((await loadConfiguration(SHIPPED, {})).configuration, undefined)
})

t.test('seventeen lines are enough for a first route, two more for each further one', async t => {
  const lines = (text: string) => text.trimEnd().split('\n').length
  t.equal(lines(GATEWAY) + lines(ROUTES), 17)
  const { configuration, mistakes } = await load({ routes: `${ROUTES}  - match: GET /status\n    require: public\n` })
  t.same(mistakes, [])
  t.equal(configuration?.routes.length, 2)
})

t.test('the published schemas are those of the code: npm run schemas', async t => {
  for (const [name, schema] of Object.entries(jsonSchemas())) {
    t.equal(await readFile(`config/${name}`, 'utf8'), formatSchema(schema), name)
  }
})

t.test('the files that ship are valid by the published schemas', async t => {
  for (const [name, file] of Object.entries({ 'gateway.schema.json': SHIPPED.config, 'routes.schema.json': SHIPPED.routes, 'routes-test.schema.json': 'routes.test.yaml' })) {
    const schema = z.fromJSONSchema(await publishedSchema(name))
    t.ok(schema.safeParse(parse(await readFile(file, 'utf8'))).success, name)
  }
})

t.test('the published schemas refuse what the gateway refuses', async t => {
  const routes = z.fromJSONSchema(await publishedSchema('routes.schema.json'))
  const valid = (require: unknown, more = {}) => routes.safeParse({ routes: [{ match: 'GET /a', require, ...more }] }).success
  for (const good of ['public', 'user', 'user|client', { client: { scope: 'a' } }, ['user', { client: { scope: ['a', 'b'] } }]]) t.ok(valid(good))
  for (const bad of ['usr', [], ['user', 'public'], { user: { scop: 'a' } }, { user: { scope: [] } }, 5]) t.notOk(valid(bad))
  t.notOk(valid('user', { timeout: '5' }))
  t.notOk(valid('user', { enforce: 'report' }))
})

t.test('the published schema of cases refuses what the test refuses', async t => {
  const cases = z.fromJSONSchema(await publishedSchema('routes-test.schema.json'))
  const valid = (one: object) => cases.safeParse({ cases: [{ request: 'GET /a', as: 'user', expect: 'allow', ...one }] }).success
  for (const good of [{}, { as: ['nobody', 'entra-v1-client'] }, { request: ['PUT|PATCH /a', 'ANY /b?c=d'] }, { expect: 'deny' }, { expect: 'deny 403 scope-missing' }, { scope: [] }, { claims: { 'a.b': null } }, { login_age: '5m' }]) t.ok(valid(good), JSON.stringify(good))
  for (const bad of [{ as: 'usr' }, { as: [] }, { request: '/a' }, { expect: 'alow' }, { scop: 'a' }, { login_age: 5 }, { expired: 'soon' }]) t.notOk(valid(bad), JSON.stringify(bad))
})

t.test('the reference pages have every key', async t => {
  const gateway = await readFile('docs/reference-gateway.md', 'utf8')
  const routes = await readFile('docs/reference-routes.md', 'utf8')
  const has = (page: string, keys: readonly string[]) => { for (const key of keys) t.match(page, new RegExp(`[\`{ ]${key.replace('|', '.')}[\`:]`), key) }
  has(gateway, [gatewaySchema, listenSchema, issuerSchema, upstreamSchema].flatMap(schema => Object.keys(schema.shape)))
  has(gateway, ['client_credentials', 'basic', 'headers', 'token_endpoint', 'client_id', 'client_secret', 'auth_method', 'basic_encoding', 'scope', 'resource', 'params', 'header', 'file', 'env'])
  has(gateway, [concurrencySchema, breakerSchema, healthCheckSchema, redisSchema].flatMap(schema => Object.keys(schema.shape)))
  has(gateway, ['from', 'to', 'cron', 'for', 'time_zone'])
  has(routes, ['attempts', 'on', 'methods', 'budget', 'backoff', 'on_store_failure'])
  has(routes, [ruleSchema, conditionsSchema].flatMap(schema => Object.keys(schema.shape)))
  has(await readFile('docs/testing-policies.md', 'utf8'), [casesSchema, caseSchema].flatMap(schema => Object.keys(schema.shape)))
})

t.test('a missing file names the two lines that start', async t => {
  const { mistakes } = await loadConfiguration({ config: 'nowhere/gateway.yaml', routes: 'nowhere/routes.yaml' }, {})
  t.same(mistakes.map(({ file, line, column }) => `${file}:${line}:${column}`), ['nowhere/gateway.yaml:1:1', 'nowhere/routes.yaml:1:1'])
  for (const { message } of mistakes) {
    const [, first, second] = message.split('\n')
    t.match(first, /^ {2}cp .*(config\/gateway|routes)\.yaml nowhere\//)
    t.equal(second?.trim(), 'countersign start --config nowhere/gateway.yaml --routes nowhere/routes.yaml')
  }
  const folder = await loadConfiguration({ config: 'config', routes: '/dev/zero' }, {})
  t.equal(folder.mistakes.length, 2)
  t.equal(folder.configuration, undefined)
})

t.test('all mistakes of both files come in one go, in reading order', async t => {
  const { places } = await load({
    gateway: GATEWAY.replace('idp: auth0', 'idp: auht0').replace('{ env: ERP_SECRET }', '{ env: NOWHERE }').replace('https://erp.example.com\n    cred', 'http://erp.example.com\n    cred'),
    routes: `routes:
  - match: GET /a
    require: usr
    timeout: 5
  - match: GET /b/*
    require: public
    upstream: epr
  - match: GET /b/*
    requires: user
  - match: POST /c
    require: { client: { scope: [], where: "x == 1" } }
    rewrite: /d/:e
`
  })
  t.same(places, [
    'gateway.yaml:4:10 issuers.main.idp',
    'gateway.yaml:8:10 upstreams.erp.url',
    'gateway.yaml:13:24 upstreams.erp.credential.client_credentials.client_secret',
    'routes.yaml:3:14 routes[0].require',
    'routes.yaml:4:14 routes[0].timeout',
    'routes.yaml:5:12 routes[1].match',
    'routes.yaml:7:15 routes[1].upstream',
    'routes.yaml:8:5 routes[2]',
    'routes.yaml:8:12 routes[2].match',
    'routes.yaml:9:5 routes[2].requires',
    'routes.yaml:11:33 routes[3].require.client.scope',
    'routes.yaml:11:44 routes[3].require.client.where',
    'routes.yaml:12:14 routes[3].rewrite'
  ])
})
