import { credentialOf, erpOf, idpOf, type Answers } from './questions.ts'
import { grantNames, KEY_FILE, secretName } from './texts.ts'

export interface Written {
  readonly config: string
  readonly routes: string
  readonly cases: string
}

/** What is left to do, in the order of doing it. */
export function nextSteps (answers: Answers, { config, routes, cases }: Written): string[] {
  const { idp = 'rfc9068', erp = 'generic', issuer = '', audience, erpAudience, erpResource, erpScope, clientId } = answers
  const { title, markers, issuer: usual } = idpOf(answers)
  const { header = 'X-Api-Key', hasPage, title: erpTitle } = erpOf(answers)
  const kind = credentialOf(answers)
  const secret = secretName(answers)
  const files = [['config/gateway.yaml', '--config', config], ['routes.yaml', '--routes', routes]] as const
  const flags = files.flatMap(([usualPath, flag, path]) => path === usualPath ? [] : [` ${flag} ${path}`]).join('')
  const target = [erpAudience, erpResource, erpScope].filter(one => one !== undefined).join(', ')
  return [
    `At ${title} (docs/idps/${idp}.md says what to click):`,
    `  - register this API${audience === undefined ? '' : ` as ${audience}`}, and let the SaaS ask for tokens for it`,
    ...grantNames(answers).length > 0 ? [`  - give its jobs, which have a client of their own, the ${idpOf(answers).asks}s ${grantNames(answers).join(' and ')}`] : [],
    ...kind.startsWith('client_') && erpOf(answers).tokenEndpoint === undefined ? [`  - register the gateway as client ${clientId ?? ''} of its own, with client credentials for the ERP alone${target === '' ? '' : ` (${target})`}`] : [],
    ...Object.entries(markers ?? {}).map(([name, marker]) => `  - map the claim ${Object.entries(marker).map(([claim, value]) => `${claim}: ${value}`).join()} into access tokens of ${name === 'client_when' ? 'clients' : 'users'} (${name})`),
    ...usual.endsWith('/') && !issuer.endsWith('/') ? [`  - see the iss of a token: the issuers of ${title} mostly end in a slash, and ${issuer} does not`] : [],
    `At the ERP${erp === 'generic' ? '' : `, ${erpTitle}`}${hasPage ? ` (docs/erps/${erp}.md says what to set up)` : ''}:`,
    `  - ${atErp(kind, answers)}`,
    ...secret === undefined ? [] : ['In the environment of the gateway:', `  ${secret}=…${kind === 'headers' && header === 'Authorization' ? '      with its scheme, like "bearer …"' : ''}`],
    ...kind === 'client_assertion' ? ['Beside the gateway, readable for it alone:', `  ${KEY_FILE}      the private key, PEM`] : [],
    'Then:',
    `  countersign check${flags}`,
    `  countersign test${flags}${cases === 'routes.test.yaml' ? '' : ` --cases ${cases}`}`,
    `  countersign doctor${flags}`,
    `  countersign start${flags}`
  ]
}

function atErp (kind: ReturnType<typeof credentialOf>, { username, clientId, kid, tokenEndpoint }: Answers): string {
  switch (kind) {
    case 'client_credentials': return tokenEndpoint === undefined ? 'let it take tokens of that IdP, for that audience' : `let it take tokens of ${tokenEndpoint} for client ${clientId ?? ''}`
    case 'client_assertion': return `register the certificate of the key for client ${clientId ?? ''}, as ${kid ?? ''}`
    case 'basic': return `make the user ${username ?? ''}, a technical one, that may do what the rules let through and no more`
    case 'headers': return 'make an API key of the gateway\'s own, that may do what the rules let through and no more'
    case 'none': return 'nothing: it is shown no credential'
  }
}
