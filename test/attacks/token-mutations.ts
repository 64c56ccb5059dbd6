import fc from 'fast-check'

/** A token to start from: the members of its header and payload as JSON texts, and whoever signs what becomes of them. */
export interface Original {
  readonly header: readonly Member[]
  readonly payload: readonly Member[]
  readonly token: string
  /** of `<header>.<payload>`, in base64url */
  readonly sign: (input: string) => string
}

/** Name and value of one member, both as JSON texts: there may be two of a name, or no JSON at all. */
export type Member = readonly [name: string, value: string]

/** What is done to a token, written down so that a counterexample can be read. */
export interface Mutation {
  /** changes of the JSON */
  readonly edits: readonly Edit[]
  /** whether the issuer itself signs what came of them; else the signature is the original's */
  readonly signedAgain: boolean
  /** changes of the compact form, after that */
  readonly strokes: readonly Stroke[]
}

interface Edit { readonly op: keyof typeof EDITS, readonly part: 'header' | 'payload', readonly at: number, readonly other: number, readonly value: unknown, readonly text: string }
interface Stroke { readonly op: keyof typeof STROKES, readonly at: number, readonly other: number, readonly text: string }

export function mutations (): fc.Arbitrary<Mutation> {
  const numbers = { at: fc.nat(20_000), other: fc.nat(20_000) }
  const edit = fc.record({
    op: fc.constantFrom(...namesOf(EDITS), 'retype', 'retype', 'resemble'),
    part: fc.constantFrom<Edit['part']>('header', 'payload', 'payload', 'payload'),
    ...numbers,
    value: fc.oneof({ weight: 3, arbitrary: fc.constantFrom<unknown>(...VALUES) }, { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 3 }) }),
    text: fc.string({ maxLength: 12, unit: 'binary' })
  })
  const stroke = fc.record({ op: fc.constantFrom(...namesOf(STROKES)), ...numbers, text: fc.string({ maxLength: 6, unit: 'binary' }) })
  return fc.oneof(
    { weight: 5, arbitrary: fc.record({ edits: fc.array(edit, { minLength: 1, maxLength: 3 }), signedAgain: fc.constant(true), strokes: fc.constant([]) }) },
    { weight: 2, arbitrary: fc.record({ edits: fc.array(edit, { maxLength: 2 }), signedAgain: fc.boolean(), strokes: fc.array(stroke, { minLength: 1, maxLength: 3 }) }) },
    { weight: 1, arbitrary: fc.record({ edits: fc.array(edit, { minLength: 1, maxLength: 3 }), signedAgain: fc.constant(false), strokes: fc.constant([]) }) }
  )
}

/** The token that the mutation makes of the original. */
export function mutate (original: Original, { edits, signedAgain, strokes }: Mutation): string {
  const parts = { header: [...original.header], payload: [...original.payload] }
  for (const edit of edits) EDITS[edit.op](parts[edit.part], edit)
  const written = (part: Edit['part']): string => encode(edits.filter(edit => edit.part === part && edit.op === 'spoil').reduce(spoiled, render(parts[part])))
  const [, , signature = ''] = original.token.split('.')
  const input = edits.length === 0 ? original.token.split('.').slice(0, 2).join('.') : `${written('header')}.${written('payload')}`
  const token = `${input}.${signedAgain && edits.length > 0 ? original.sign(input) : signature}`
  return strokes.reduce((token, stroke) => STROKES[stroke.op](token, stroke), token)
}

const encode = (text: string | Buffer): string => Buffer.from(text).toString('base64url')

function render (members: readonly Member[]): string {
  return `{${members.map(member => member.join(':')).join(',')}}`
}

// Bytes into the middle: broken JSON, blanks where none belong, half a character of UTF-8.
function spoiled (text: string | Buffer, { at, other, text: more }: Edit): Buffer {
  const bytes = Buffer.from(text)
  const cut = at % (bytes.length + 1)
  const inserted = [Buffer.from(more), Buffer.from([0x80 + other % 128]), Buffer.from(' \t\n'), Buffer.from('\ufeff'), Buffer.from('\0')][other % 5] ?? Buffer.alloc(0)
  return Buffer.concat([bytes.subarray(0, cut), inserted, bytes.subarray(cut + (other % 3 === 0 ? 1 : 0))])
}

const NAMES = [
  'iss', 'sub', 'aud', 'exp', 'nbf', 'iat', 'jti', 'client_id', 'azp', 'scope', 'scp', 'roles', 'permissions', 'groups', 'auth_time', 'acr', 'amr', 'act', 'may_act', 'nonce', 'at_hash', 'c_hash', 's_hash', 'events', 'sid', 'typ', 'token_use', 'sub_profile', 'xms_sub_fct', 'cnf',
  'alg', 'kid', 'crit', 'b64', 'zip', 'enc', 'jku', 'jwk', 'x5c', 'x5u', 'x5t', 'cty', '__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'length', '', '0', 'then', 'toJSON'
]
const VALUES: readonly unknown[] = [
  null, true, false, 0, -0, 1, -1, 1e308, 2 ** 53, 4_102_444_800, '', ' ', '*', 'root', 'admin', 'user-1', 'saas', 'main', 'none', 'ES256', 'HS256', 'RS256', 'at+jwt', 'AT+JWT', 'application/at+jwt', 'JWT', 'at+jwt ', 'logout+jwt', 'https://idp.example.com/', 'https://api.example.com',
  [], {}, [null], [[]], ['https://api.example.com'], ['https://evil.example.com', 'https://api.example.com'], ['user-1'], ['exp'], [''], { sub: 'root' }, { __proto__: null, '': 1 }, 'openid profile', 'api', 'read:address', ['ai_agent'], 'ai_agent', '4102444800', 'Infinity', '\ud800', '\u0000'
]
// What an edit before has nested thousands deep stays text: to write it anew would run out of stack here.
const parsed = (text: string): unknown => {
  if (text.length > 1500) return text
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
const json = (value: unknown): string => JSON.stringify(value) ?? 'null'

const RETYPES: ReadonlyArray<(value: unknown, text: string) => string> = [
  (_value, text) => `[${text}]`, (_value, text) => `[[${text}]]`, (_value, text) => `{"0":${text},"length":1}`, (_value, text) => `{${text.startsWith('"') ? text : `"${String(parsed(text))}"`}:true}`, (_value, text) => `{"value":${text}}`, (_value, text) => `[${text},${text}]`, (_value, text) => `[${text},"x"]`, (_value, text) => `["x",${text}]`,
  (_value, text) => `[${text},null]`, (_value, text) => `[7,${text}]`, (_value, text) => `[${text},{}]`, (_value, text) => `[[],${text}]`, value => json(String(value)), value => json(json(value)), value => json(Number(value)), value => json(Boolean(value)), () => 'null', () => '1e999', () => '-1e999', (_value, text) => `{"toString":${text}}`
]
const LOOKALIKES: ReadonlyArray<(text: string) => string> = [
  text => text.toUpperCase(), text => text.toLowerCase(), text => `${text} `, text => ` ${text}`, text => `${text}\u0000`, text => `${text}\u200b`, text => `\ufeff${text}`, text => `${text}\n`, text => `${text}/`, text => text.replace(/.$/su, ''), text => text.normalize('NFKD').replace(/[aeiou]/, vowel => `${vowel}\u0308`),
  text => text.replace('a', '\u0430').replace('e', '\u0435'), text => text.replace('s', '\u017f').replace('k', '\u212a'), text => encodeURIComponent(text.toWellFormed()), text => text.replace(/[a-z]/, letter => `%${letter.charCodeAt(0).toString(16)}`), text => `${text},${text}`, text => `${text} ${text}`, text => text.split('').join('\u00ad'), text => text.repeat(3)
]
const NUMBERS: ReadonlyArray<(text: string) => string> = [text => `"${text}"`, text => `${text}.0`, text => `${text}e0`, text => `${text}e3`, text => `-${text}`, text => `${text}.999999999999`, text => `0.${text}`, text => `0${text}`, text => `+${text}`, text => `${text}e999`, text => `0x${text}`, text => `${text}n`]
const RENAMES: ReadonlyArray<(name: string) => string> = [
  name => name.toUpperCase(), name => `${name} `, name => ` ${name}`, name => `${name}\u0000`, name => `${name}\u200b`, name => name.replace('s', '\u0455').replace('a', '\u0430'), name => `_${name}`, name => `${name}[]`, name => `${name}.0`, name => [...name].reverse().join(''), name => `${name.slice(0, 1).toUpperCase()}${name.slice(1)}`
]
const DEPTHS = [1, 2, 10, 1000, 5000, 5800]
const pick = <One>(list: readonly One[], at: number): One => {
  const found = list[at % list.length]
  // A list of options is never empty.
  if (found === undefined) throw new Error('nothing to pick from')
  return found
}

type Change = (members: Member[], edit: Edit) => void

/** Changes one member; nothing where there is none. */
const changing = (change: (member: Member, edit: Edit) => Member): Change => (members, edit) => {
  const index = edit.at % Math.max(1, members.length)
  const member = members[index]
  if (member !== undefined) members[index] = change(member, edit)
}

const EDITS = {
  drop: (members, { at }) => { members.splice(at % Math.max(1, members.length), 1) },
  retype: changing(([name, value], { other }) => [name, pick(RETYPES, other)(parsed(value), value)]),
  resemble: changing(([name, value], { other }) => [name, value.startsWith('"') ? json(pick(LOOKALIKES, other)(String(parsed(value)))) : pick(NUMBERS, other)(value)]),
  replace: changing(([name], { value }) => [name, json(value)]),
  rename: changing(([name, value], { other }) => [json(pick(RENAMES, other)(String(parsed(name)))), value]),
  escape: changing(([name, value]) => [escaped(name), escaped(value)]),
  nest: changing(([name, value], { other }) => [name, nested(value, pick(DEPTHS, other))]),
  add: (members, { at, other, value }) => { members.splice(at % (members.length + 1), 0, [json(pick(NAMES, other)), json(value)]) },
  addStrange: (members, { at, value, text }) => { members.splice(at % (members.length + 1), 0, [json(text), json(value)]) },
  doubleBefore: (members, { at, value }) => { members.unshift([members[at % Math.max(1, members.length)]?.[0] ?? '""', json(value)]) },
  doubleAfter: (members, { at, value }) => { members.push([members[at % Math.max(1, members.length)]?.[0] ?? '""', json(value)]) },
  doubleEscaped: (members, { at, value }) => { members.push([escaped(members[at % Math.max(1, members.length)]?.[0] ?? '""'), json(value)]) },
  swap: (members, { at, other }) => {
    const [one, two] = [at % Math.max(1, members.length), other % Math.max(1, members.length)]
    const [first, second] = [members[one], members[two]]
    if (first === undefined || second === undefined) return
    members[one] = [first[0], second[1]]
    members[two] = [second[0], first[1]]
  },
  reverse: members => { members.reverse() },
  // What is done to the text of the whole: see `spoiled`.
  spoil: () => {}
} satisfies Record<string, Change>

function escaped (text: string): string {
  return text.startsWith('"') ? `"${[...String(parsed(text))].map(char => char.length === 1 ? `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}` : char).join('')}"` : text
}

function nested (value: string, depth: number): string {
  return `${'['.repeat(depth)}${depth > 100 ? '' : value}${']'.repeat(depth)}`
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
/** The order of the group of P-256: with s, n - s is a signature too. */
const ORDER = BigInt('0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551')

const onParts = (change: (parts: string[], stroke: Stroke) => void) => (token: string, stroke: Stroke): string => {
  const parts = token.split('.')
  change(parts, stroke)
  return parts.join('.')
}
const onSignature = (change: (bytes: Buffer, stroke: Stroke) => Buffer) => onParts((parts, stroke) => {
  parts.push(change(Buffer.from(parts.pop() ?? '', 'base64url'), stroke).toString('base64url'))
})

const STROKES = {
  letter: (token, { at, other }) => replaceAt(token, at, pick([...ALPHABET], other)),
  anyByte: (token, { at, other }) => replaceAt(token, at, String.fromCharCode(other % 256)),
  insert: (token, { at, text }) => `${token.slice(0, at % (token.length + 1))}${text}${token.slice(at % (token.length + 1))}`,
  remove: (token, { at }) => replaceAt(token, at, ''),
  cut: (token, { at }) => token.slice(0, at % (token.length + 1)),
  behead: (token, { at }) => token.slice(at % (token.length + 1)),
  upper: (token, { at, other }) => replaceAt(token, at, token.charAt(at % Math.max(1, token.length)).toUpperCase(), 1 + other % 2),
  pad: (token, { other }) => `${token}${'='.repeat(1 + other % 3)}`,
  dot: (token, { at }) => `${token.slice(0, at % (token.length + 1))}.${token.slice(at % (token.length + 1))}`,
  twice: token => `${token}.${token}`,
  otherAlphabet: token => token.replaceAll('-', '+').replaceAll('_', '/'),
  dropPart: onParts((parts, { at }) => { parts.splice(at % Math.max(1, parts.length), 1) }),
  doublePart: onParts((parts, { at }) => { parts.splice(at % parts.length, 0, parts[at % parts.length] ?? '') }),
  reorderParts: onParts(parts => { parts.reverse() }),
  padPart: onParts((parts, { at }) => { parts[at % parts.length] += '=' }),
  // The bits that do not count in the last letter of a part.
  respell: onParts((parts, { at, other }) => {
    const part = parts[at % parts.length] ?? ''
    parts[at % parts.length] = part.slice(0, -1) + pick([...ALPHABET], Math.max(0, ALPHABET.indexOf(part.at(-1) ?? 'A')) ^ (1 + other % 15))
  }),
  flipBit: onSignature((bytes, { at, other }) => Buffer.from(bytes.map((byte, index) => index === at % bytes.length ? byte ^ (1 << other % 8) : byte))),
  zeros: onSignature(bytes => Buffer.alloc(bytes.length)),
  longer: onSignature((bytes, { other }) => Buffer.concat(other % 2 === 0 ? [Buffer.alloc(1), bytes] : [bytes, Buffer.alloc(1)])),
  order: onSignature((bytes, { other }) => Buffer.concat(other % 2 === 0 ? [numbered(ORDER), bytes.subarray(32)] : [bytes.subarray(0, 32), numbered(ORDER)])),
  mirror: onSignature(bytes => bytes.length === 64 ? Buffer.concat([bytes.subarray(0, 32), numbered(ORDER - BigInt(`0x${bytes.subarray(32).toString('hex')}`))]) : bytes)
} satisfies Record<string, (token: string, stroke: Stroke) => string>

function numbered (value: bigint): Buffer {
  return Buffer.from(BigInt.asUintN(256, value).toString(16).padStart(64, '0'), 'hex')
}

function replaceAt (token: string, at: number, replacement: string, length = 1): string {
  const index = at % Math.max(1, token.length)
  return token.slice(0, index) + replacement + token.slice(index + length)
}

function namesOf<Table extends object> (table: Table): Array<Extract<keyof Table, string>> {
  // An object literal has no keys but its own.
  return Object.keys(table) as Array<Extract<keyof Table, string>>
}
