import { stringify } from 'yaml'
import { PROFILES, type ProfileName } from '../policy/profiles/index.ts'
import type { ErpRecipe } from './erps.ts'
import type { IdpRecipe } from './idps.ts'
import { credentialOf, erpOf, idpOf, listOf, targetOf, usualTokenEndpoint, type Answers } from './questions.ts'

/** The three files, as text. */
export interface Texts {
  readonly gateway: string
  readonly routes: string
  readonly cases: string
}

/** The environment that gateway.yaml takes its secret from; undefined where it has none, or one in a file. */
export function secretName (answers: Answers): string | undefined {
  switch (credentialOf(answers)) {
    case 'client_credentials': return 'ERP_CLIENT_SECRET'
    case 'basic': return 'ERP_PASSWORD'
    case 'headers': return 'ERP_API_KEY'
    case 'client_assertion':
    case 'none': return undefined
  }
}

/** Where gateway.yaml expects the key of a client_assertion. */
export const KEY_FILE = '/run/secrets/erp.key'

/** @param answers to all that is asked */
export function writeTexts (answers: Answers): Texts {
  return { gateway: gatewayText(answers), routes: routesText(answers), cases: casesText(answers) }
}

function gatewayText (answers: Answers): string {
  const { markers = {}, tenantClaim } = idpOf(answers)
  const { idp = 'rfc9068', erp = 'generic', audience, clients, tenant, jwksUri } = answers
  return [
    '# Where things are, one such file per environment. docs/reference-gateway.md has every key.',
    line('listen: { host: 0.0.0.0, port: 8080 }', 'the port for callers'),
    line('admin: { host: 127.0.0.1, port: 9090 }', '/livez, /readyz and /metrics'),
    '',
    'issuers:',
    '  main:',
    line(entry('issuer', answers.issuer), 'the exact `iss` of its tokens, to the letter', 4),
    line(entry('idp', idp), 'how this IdP writes its tokens', 4),
    ...audience === undefined ? [] : [line(entry('audience', audience), 'what stands in `aud` of tokens for this API', 4)],
    ...clients === undefined ? [] : [line(`allowed_clients: ${list(listOf(clients))}`, 'its tokens name no audience: this stands in for it', 4)],
    ...tenantClaim === undefined || tenant === undefined ? [] : [line(`claims: ${inline({ [tenantClaim]: tenant })}`, 'yours; without it the tokens of every tenant would pass', 4)],
    ...jwksUri === undefined ? [] : [line(entry('jwks_uri', jwksUri), 'where its keys are', 4)],
    ...Object.entries(markers).map(([name, marker]) => line(`${name}: ${inline(marker)}`, `a claim that you map there: docs/idps/${idp}.md`, 4)),
    '',
    'upstreams:',
    '  erp:',
    line(entry('url', answers.erpUrl), undefined, 4),
    ...erp === 'generic' ? [] : [line(entry('erp', erp), 'what would tell it who is calling is removed', 4)],
    ...(erpOf(answers).lines ?? []).map(([yaml, why]) => line(yaml, why, 4)),
    ...credentialLines(answers),
    ''
  ].join('\n')
}

const OR_FILE = 'or { file: /run/secrets/erp }'

function credentialLines (answers: Answers): string[] {
  const { header = 'X-Api-Key', assertionLines = [], authMethod, tokenEndpoint: ownEndpoint } = erpOf(answers)
  const kind = credentialOf(answers)
  const secret = `\${${secretName(answers) ?? ''}}`
  const { audience, resource, scope } = targetOf(answers)
  const endpoint = usualTokenEndpoint(answers) === undefined ? line('issuer: main', 'its token endpoint', 8) : line(entry('token_endpoint', answers.tokenEndpoint), undefined, 8)
  const method = ownEndpoint === undefined ? idpOf(answers).authMethod : authMethod
  switch (kind) {
    case 'none': return [line('credential: none', 'the ERP is shown no credential', 4)]
    case 'basic': return [line(`credential: { basic: { username: ${inline(answers.username)}, password: "${secret}" } }`, OR_FILE, 4)]
    case 'headers': return [line(`credential: { headers: { ${header}: "${secret}" } }`, OR_FILE, 4)]
    case 'client_credentials': return [
      '    credential:',
      '      client_credentials:',
      endpoint,
      line(entry('client_id', answers.clientId), undefined, 8),
      line(`client_secret: ${secret}`, OR_FILE, 8),
      ...method === undefined ? [] : [line(entry('auth_method', method), undefined, 8)],
      ...audience === undefined ? [] : [line(entry('audience', answers.erpAudience), undefined, 8)],
      ...resource === undefined ? [] : [line(entry('resource', answers.erpResource), undefined, 8)],
      ...scope === undefined ? [] : [line(entry('scope', answers.erpScope), undefined, 8)]
    ]
    case 'client_assertion': return [
      '    credential:',
      '      client_assertion:',
      endpoint,
      line(entry('client_id', answers.clientId), undefined, 8),
      line(`key: { file: ${KEY_FILE} }`, 'the private key; its public half is registered there', 8),
      line(entry('kid', answers.kid), undefined, 8),
      ...assertionLines.map(([yaml, why]) => line(yaml, why, 8))
    ]
  }
}

function routesText (answers: Answers): string {
  const { read, create, change } = erpOf(answers)
  const proves = provenBy(answers)
  const rules = [
    [read, [...proves.user ? ['user'] : [], ...proves.client ? [clientWith('read', answers)] : []], 'a user\'s token, or the SaaS\'s own'],
    [create, proves.user ? ['user'] : [clientWith('write', answers)], 'somebody who is logged in'],
    [change, proves.client ? [clientWith('write', answers)] : ['user'], 'the SaaS itself, with client credentials']
  ] as const
  return [
    '# Who may do what. What no rule matches is 404. docs/reference-routes.md has every key.',
    'routes:',
    ...rules.flatMap(([match, require, who]) => [`  - match: ${inline(match)}`, line(`require: ${require.length === 1 ? require[0] ?? '' : `[${require.join(', ')}]`}`, who, 4), '']).slice(0, -1),
    ''
  ].join('\n')
}

// Whom the profile can prove, with the markers that are written for it.
function provenBy (answers: Answers): { readonly user: boolean, readonly client: boolean } {
  const { user, client } = PROFILES[(answers.idp ?? 'rfc9068') as ProfileName]
  const { markers = {} } = idpOf(answers)
  const proves = (signs: typeof user): boolean => signs.some(({ strength }) => strength === 'proof')
  return { user: proves(user) || 'user_when' in markers, client: proves(client) || 'client_when' in markers }
}

function clientWith (action: 'read' | 'write', answers: Answers): string {
  const { asks } = idpOf(answers)
  return asks === 'kind alone' ? 'client' : `{ client: { ${asks}: ${inline(grantName(action, idpOf(answers), erpOf(answers), answers))} } }`
}

function grantName (action: string, { asks, scopeOf }: IdpRecipe, { thing }: ErpRecipe, { audience = '' }: Answers): string {
  if (asks === 'role') return `${thing}.${action}`
  return scopeOf?.(action, audience) ?? `${action}:${thing}`
}

/** What rules ask of clients; nothing where it is their kind alone. */
export function grantNames (answers: Answers): string[] {
  if (idpOf(answers).asks === 'kind alone' || !provenBy(answers).client) return []
  return ['read', 'write'].map(action => grantName(action, idpOf(answers), erpOf(answers), answers))
}

function casesText (answers: Answers): string {
  const { asks } = idpOf(answers)
  const { read, create, change } = erpOf(answers)
  const proves = provenBy(answers)
  const [reading, creating, changing] = [read, create, change].map(requestOf) as [string, string, string]
  const holding = (action: 'read' | 'write'): string[] => asks === 'kind alone' ? [] : [`${asks}: ${inline(grantName(action, idpOf(answers), erpOf(answers), answers))}`]
  const other = asks === 'kind alone' ? undefined : `${asks}: something-else`
  const both = proves.user && proves.client
  const cases = [
    ...proves.user ? [[reading, 'user', [], 'allow'], [creating, 'user', [], 'allow']] as const : [],
    ...proves.client ? [[reading, 'client', holding('read'), 'allow'], [changing, 'client', holding('write'), 'allow']] as const : [],
    // With what the client would need, too: it is the kind that counts.
    ...both ? [[changing, 'user', holding('write'), 'deny 403'], [creating, 'client', holding('write'), 'deny 403']] as const : [],
    ...proves.client && other !== undefined ? [[`[${reading}, ${changing}]`, 'client', [other], 'deny 403']] as const : [],
    [`[${reading}, ${creating}, ${changing}]`, '[nobody, id_token]', [], 'deny 401']
  ] as const
  return [
    '# What routes.yaml is to say: `countersign test` plays each case, with tokens as this IdP writes them, and asks nobody.',
    'cases:',
    ...cases.flatMap(([request, as, holds, expect]) => [`  - request: ${request}`, `    as: ${as}`, ...holds.map(line => `    ${line}`), `    expect: ${expect}`, '']).slice(0, -1),
    ''
  ].join('\n')
}

// 17 is as good a key as any.
function requestOf (match: string): string {
  return inline(match.replace(/:[a-z]+/g, '17'))
}

function entry (key: string, value: string | undefined): string {
  return `${key}: ${inline(value ?? '')}`
}

/** column of the comments, where what is before them leaves room */
const COMMENTS = 64

function line (yaml: string, comment: string | undefined, indent = 0): string {
  const indented = ' '.repeat(indent) + yaml
  return comment === undefined ? indented : `${indented.padEnd(COMMENTS)}  # ${comment}`
}

function list (values: readonly string[]): string {
  return `[${values.map(inline).join(', ')}]`
}

/** A value as it stands within a line, quoted where YAML would take it for something else. */
function inline (value: unknown): string {
  return stringify(value, { version: '1.1', collectionStyle: 'flow', lineWidth: 0, flowCollectionPadding: true, ...typeof value === 'string' && { defaultStringType: needsQuotes(value) ? 'QUOTE_DOUBLE' : 'PLAIN' } }).trim()
}

// Within [ ] and { } these would end it.
function needsQuotes (value: string): boolean {
  return /[,[\]{}#]|: |^[!&*|>%@`"'-]/.test(value)
}
