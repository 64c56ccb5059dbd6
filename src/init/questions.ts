import type * as z from 'zod'
import { credentialSchema } from '../config/credential-schema.ts'
import { ERP_NAMES, type ErpName } from '../config/erps/index.ts'
import { issuerSchema, upstreamSchema } from '../config/gateway-schema.ts'
import { text } from '../config/notation.ts'
import { Secret } from '../config/secrets.ts'
import { expectOneOf } from '../config/spelling.ts'
import { clientAssertionSchema, clientCredentialsSchema } from '../config/token-credential-schema.ts'
import { whyNotReachable } from '../config/urls.ts'
import { PROFILE_NAMES, type ProfileName } from '../policy/profiles/index.ts'
import { CREDENTIALS, ERP_RECIPES, type CredentialKind, type ErpRecipe } from './erps.ts'
import { IDPS, type IdpRecipe } from './idps.ts'

/** What was said, by the name of its question; as text. */
export type Answers = Readonly<Partial<Record<QuestionName, string>>>

export type QuestionName = 'idp' | 'issuer' | 'audience' | 'clients' | 'tenant' | 'jwksUri' | 'erp' | 'erpUrl' | 'credential' | 'username' | 'tokenEndpoint' | 'clientId' | 'kid' | 'erpAudience' | 'erpResource' | 'erpScope'

export interface Question {
  readonly name: QuestionName
  /** how it is said on the command line, without its dashes */
  readonly flag: string
  readonly text: string
  /** whether it is one, after what was said so far */
  readonly isAsked: (answers: Answers) => boolean
  /** what may be said, where that is one of a list */
  readonly choices?: ReadonlyArray<readonly [name: string, title: string]>
  /** what is usually said; what is in capitals is the operator's */
  readonly usual?: (answers: Answers) => string | undefined
  /** what is taken where nothing is said */
  readonly preset?: (answers: Answers) => string | undefined
  /** why it cannot be what was said, by the schema that the file is checked with */
  readonly whyNot: (answer: string, answers: Answers) => string | undefined
}

export function idpOf ({ idp }: Answers): IdpRecipe {
  // What is no name of one was refused when it was said.
  return IDPS[(idp ?? 'rfc9068') as ProfileName]
}

export function erpOf ({ erp }: Answers): ErpRecipe {
  return ERP_RECIPES[(erp ?? 'generic') as ErpName]
}

export function credentialOf (answers: Answers): CredentialKind {
  return (answers.credential ?? erpOf(answers).credential) as CredentialKind
}

/** Where its token is asked for, where that is not the issuer's own endpoint. */
export function usualTokenEndpoint (answers: Answers): string | undefined {
  return erpOf(answers).tokenEndpoint ?? idpOf(answers).tokenEndpoint
}

/** By which parameters the token endpoint is told which ERP the token is for. */
export function targetOf (answers: Answers): IdpRecipe['target'] {
  const { tokenEndpoint, scope } = erpOf(answers)
  if (answers.idp === undefined || credentialOf(answers) === 'client_assertion') return {}
  return tokenEndpoint === undefined ? idpOf(answers).target : scope === undefined ? {} : { scope }
}

const isToken = (answers: Answers): boolean => credentialOf(answers).startsWith('client_')
const always = (): boolean => true

/** In the order in which they are asked. */
export const QUESTIONS: readonly Question[] = [
  {
    name: 'idp', flag: 'idp', text: 'Which IdP gives your callers their tokens?', isAsked: always,
    choices: PROFILE_NAMES.map(name => [name, IDPS[name].title]), whyNot: oneOf(PROFILE_NAMES)
  },
  {
    name: 'issuer', flag: 'issuer', text: 'Its issuer: the exact `iss` of its tokens, to the letter', isAsked: always,
    usual: answers => idpOf(answers).issuer, whyNot: url(issuerSchema.shape.issuer, answers => idpOf(answers).issuer)
  },
  {
    name: 'audience', flag: 'audience', text: 'The audience of this API: what stands in `aud` of tokens that are meant for it', isAsked: answers => idpOf(answers).takesClients !== true,
    usual: answers => idpOf(answers).audience, whyNot: bySchema(issuerSchema.shape.audience)
  },
  {
    name: 'clients', flag: 'clients', text: 'Its tokens name no audience: the client ids of your SaaS there, with commas between them', isAsked: answers => idpOf(answers).takesClients === true,
    whyNot: answer => bySchema(issuerSchema.shape.allowed_clients)(listOf(answer))
  },
  {
    name: 'tenant', flag: 'tenant', text: 'What tells your tenant in its tokens, which several share (the claim tenant at Oracle, zid at XSUAA)', isAsked: answers => idpOf(answers).tenantClaim !== undefined,
    whyNot: bySchema(text())
  },
  {
    name: 'jwksUri', flag: 'jwks-uri', text: 'The URL of its keys', isAsked: answers => idpOf(answers).jwksUri !== undefined,
    usual: answers => idpOf(answers).jwksUri, whyNot: url(issuerSchema.shape.jwks_uri, answers => idpOf(answers).jwksUri)
  },
  {
    name: 'erp', flag: 'erp', text: 'Which ERP is behind the gateway?', isAsked: always,
    choices: ERP_NAMES.map(name => [name, ERP_RECIPES[name].title]), preset: () => 'generic', whyNot: oneOf(ERP_NAMES)
  },
  {
    name: 'erpUrl', flag: 'erp-url', text: 'Its URL', isAsked: always,
    usual: answers => erpOf(answers).url, whyNot: url(upstreamSchema.shape.url, answers => erpOf(answers).url)
  },
  {
    name: 'credential', flag: 'credential', text: 'What does the gateway show the ERP?', isAsked: always,
    choices: [['client_credentials', 'a token, by client id and secret'], ['client_assertion', 'a token, by client id and a key'], ['basic', 'user name and password'], ['headers', 'an API key'], ['none', 'nothing']],
    preset: answers => erpOf(answers).credential, whyNot: oneOf(CREDENTIALS)
  },
  {
    name: 'username', flag: 'username', text: 'The user name of the gateway there', isAsked: answers => credentialOf(answers) === 'basic',
    whyNot: answer => bySchema(credentialSchema)({ basic: { username: answer, password: new Secret('') } })
  },
  {
    name: 'tokenEndpoint', flag: 'token-endpoint', text: 'The URL that gives tokens for the ERP', isAsked: answers => isToken(answers) && usualTokenEndpoint(answers) !== undefined,
    usual: usualTokenEndpoint, whyNot: url(clientCredentialsSchema.shape.token_endpoint, usualTokenEndpoint)
  },
  {
    name: 'clientId', flag: 'client-id', text: 'The client id of the gateway there: one of its own, that no SaaS shares', isAsked: isToken,
    whyNot: bySchema(clientCredentialsSchema.shape.client_id)
  },
  {
    name: 'kid', flag: 'kid', text: 'The name of its key there', isAsked: answers => credentialOf(answers) === 'client_assertion',
    whyNot: bySchema(clientAssertionSchema.shape.kid)
  },
  {
    name: 'erpAudience', flag: 'erp-audience', text: 'The audience of the ERP at the IdP', isAsked: answers => isToken(answers) && targetOf(answers).audience !== undefined,
    usual: answers => targetOf(answers).audience, whyNot: bySchema(clientCredentialsSchema.shape.audience)
  },
  {
    name: 'erpResource', flag: 'erp-resource', text: 'The resource that the ERP is at the IdP (RFC 8707)', isAsked: answers => isToken(answers) && targetOf(answers).resource !== undefined,
    usual: answers => targetOf(answers).resource, whyNot: bySchema(clientCredentialsSchema.shape.resource)
  },
  {
    name: 'erpScope', flag: 'erp-scope', text: 'The scope to ask for, for the ERP', isAsked: answers => isToken(answers) && targetOf(answers).scope !== undefined,
    usual: answers => targetOf(answers).scope, whyNot: (answer, answers) => bySchema(clientCredentialsSchema.shape.scope)(answer) ?? capitals(answer, targetOf(answers).scope)
  }
]

export function listOf (answer: string): string[] {
  return answer.split(',').map(one => one.trim()).filter(one => one !== '')
}

function bySchema (schema: z.ZodType): (value: unknown) => string | undefined {
  return value => {
    const parsed = schema.safeParse(value)
    return parsed.success ? undefined : parsed.error.issues[0]?.message ?? 'is not what is wanted here'
  }
}

function url (schema: z.ZodType, usual: (answers: Answers) => string | undefined): Question['whyNot'] {
  return (answer, answers) => bySchema(schema)(answer) ?? whyNotReachable(answer, false) ?? capitals(answer, usual(answers))
}

// What was only meant to be filled in.
function capitals (answer: string, usual = ''): string | undefined {
  const left = (usual.match(/[A-Z][A-Z.-]{2,}[A-Z]/g) ?? []).find(word => answer.includes(word))
  return left === undefined ? undefined : `put yours in the place of ${left}`
}

function oneOf (names: readonly string[]): Question['whyNot'] {
  return answer => names.includes(answer) ? undefined : expectOneOf(answer, names, 'expected one of')
}
