import type { BuiltInIssuer } from '../built-in-issuer/built-in-issuer.ts'
import { SHAPES_BY_NAME } from '../built-in-issuer/shapes/index.ts'
import { PRINCIPALS, type Case, type CasesFile } from '../config/cases-schema.ts'
import type { Configuration } from '../config/configuration.ts'
import type { Path } from '../config/mistakes.ts'
import { expectOneOf } from '../config/spelling.ts'
import type { Source } from '../config/yaml.ts'

/** Reports what in routes.test.yaml does not agree with the other two files. */
export function checkCases ({ cases, issuer }: CasesFile, source: Source, configuration: Configuration): void {
  const issuers = Object.keys(configuration.gateway.issuers)
  const rules = new Set(configuration.routes.flatMap(({ name, match }) => [name, `${match.any ? 'ANY' : match.methods.join('|')} ${match.path}`]))
  checkIssuers(source, ['issuer'], issuer, issuers)
  cases.forEach((one, at) => {
    const path: Path = ['cases', at]
    checkIssuers(source, [...path, 'issuer'], one.issuer, issuers)
    checkPrincipals(source, path, one)
    if (one.as.some(as => as !== 'nobody') && one.issuer === undefined && issuer === undefined && issuers.length !== 1) {
      source.report(path, issuers.length === 0 ? 'gateway.yaml has no issuer that could have made a token' : `issuer is missing: say whose token it is, here or at the top; ${expectOneOf('', issuers)}`)
    }
    if (one.rule !== undefined && !rules.has(one.rule)) source.report([...path, 'rule'], `routes.yaml has no such rule; ${rules.size > 20 ? 'countersign routes lists them' : expectOneOf(one.rule, [...rules])}`)
  })
}

function checkIssuers (source: Source, path: Path, names: readonly string[] | undefined, issuers: readonly string[]): void {
  names?.forEach((name, at) => {
    if (!issuers.includes(name)) source.report([...path, at], `gateway.yaml has no such issuer; ${expectOneOf(name, issuers)}`)
  })
}

const OF_A_TOKEN = ['scope', 'permission', 'role', 'client_id', 'audience', 'acr', 'login_age', 'expired', 'claims', 'issuer'] as const satisfies ReadonlyArray<keyof Case>

function checkPrincipals (source: Source, path: Path, one: Case): void {
  one.as.forEach((as, at) => {
    if (PRINCIPALS.some(word => word === as) || SHAPES_BY_NAME.has(as)) return
    const [idp = ''] = as.split('-', 1)
    const known = [...SHAPES_BY_NAME.keys()].filter(name => name.startsWith(`${idp}-`))
    source.report([...path, 'as', at], `there is no such shape; ${expectOneOf(as, known, 'known are')}`)
  })
  if (one.as.some(as => as !== 'nobody')) return
  for (const key of OF_A_TOKEN) if (one[key] !== undefined) source.report([...path, key], 'nobody shows no token that could have it', { on: 'key' })
}

/** A client by its name in the issuer's `clients`, or by its id. */
export function clientOf ({ issuer: { clients = {} } }: BuiltInIssuer, nameOrId: string): string {
  return Object.hasOwn(clients, nameOrId) ? clients[nameOrId] ?? nameOrId : nameOrId
}
