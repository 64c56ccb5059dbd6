/** What can be read in a token without knowing who signed it: nothing here is verified. */
export interface TokenFacts {
  readonly format: 'jwt' | 'opaque'
  /** in characters */
  readonly length: number
  readonly header: Readonly<Record<string, unknown>> | undefined
  readonly claims: Readonly<Record<string, unknown>> | undefined
}

/** Of a header only what names the key and the kind: what else is in it is the ERP's business. */
const OF_HEADER = ['alg', 'kid', 'typ']
/** Levels of a claim that are shown. */
const DEPTH = 10
const HIDDEN = '[hidden]'

export function tokenFacts (token: string): TokenFacts {
  const [head, body, signature, ...rest] = token.split('.')
  const [header, claims] = [parse(head), parse(body)]
  const isJwt = signature !== undefined && rest.length === 0 && header !== undefined && claims !== undefined
  if (!isJwt) return { format: 'opaque', length: token.length, header: undefined, claims: undefined }
  return { format: 'jwt', length: token.length, header: Object.fromEntries(OF_HEADER.flatMap(name => Object.hasOwn(header, name) ? [[name, header[name]]] : [])), claims }
}

/** What makes words of an IdP fit to be shown: no token, no secret, and nothing without bounds is left in them. */
export interface Hiding {
  text (text: string): string
  /** Of JSON, each key and text in it. */
  json (value: unknown): unknown
}

/** @param secrets what must not be shown, in any spelling that an IdP would repeat it in; parts of a token count each */
export function hiding (secrets: readonly string[]): Hiding {
  const needles = [...new Set(secrets.flatMap(spellings))].toSorted((one, other) => other.length - one.length)

  function text (whole: string): string {
    let shown = whole
    for (const needle of needles) shown = shown.replaceAll(needle, HIDDEN)
    // Whatever else is a JWT, an assertion that is repeated or a token within the token.
    return shown.replace(/eyJ[\w-]{8,}(?:\.[\w-]*)*/g, HIDDEN).slice(0, 2000)
  }

  function json (value: unknown, depth = 0): unknown {
    if (typeof value === 'string') return text(value)
    if (typeof value !== 'object' || value === null) return value
    if (depth === DEPTH) return '[deeper]'
    if (Array.isArray(value)) return value.map(item => json(item, depth + 1))
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [text(key), json(item, depth + 1)]))
  }

  return { text, json: value => json(value) }
}

function spellings (secret: string): string[] {
  const parts = secret.split('.').filter(part => part.length >= 16)
  const encoded = encodeURIComponent(secret)
  const forms = [secret, encoded, encoded.replaceAll('%20', '+'), Buffer.from(secret).toString('base64'), Buffer.from(secret).toString('base64url'), ...parts]
  // A shorter one stands in many an innocent word.
  return forms.filter(form => form.length >= 4)
}

function parse (part: string | undefined): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(part ?? '', 'base64url')))
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined
  } catch {
    return undefined
  }
}
