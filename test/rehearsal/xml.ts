/** An element of a document, read. */
export interface Element {
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
  readonly children: Element[]
  text: string
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

/**
 * Reads XML 1.0 strictly, as far as reports go: a declaration, elements, attributes, text and references; anything else, and
 * whatever is not well-formed (a lone & or <, a repeated attribute, tags that do not match, characters that XML has not), throws.
 */
export function readXml (text: string): Element {
  if (/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u.test(text)) throw new Error('a character that no XML may have')
  const [declaration = ''] = /^<\?xml version="1\.0" encoding="UTF-8"\?>\s*/.exec(text) ?? []
  const document: Element = { name: '', attributes: {}, children: [], text: '' }
  const open = [document]
  const token = /<(\/?)([A-Za-z_][\w.-]*)((?:\s+[A-Za-z_][\w.-]*="[^"<]*")*)\s*(\/?)>|([^<]+)/gy
  token.lastIndex = declaration.length
  while (token.lastIndex < text.length) {
    const at = token.lastIndex
    const found = token.exec(text)
    const parent = open.at(-1)
    if (found === null || parent === undefined) throw new Error(`not well-formed at ${at}: ${text.slice(at, at + 40)}`)
    const [, closing, name = '', attributes = '', empty, characters] = found
    if (characters !== undefined) parent.text += resolved(characters)
    else if (closing === '/') {
      if (parent.name !== name || attributes !== '' || empty !== '') throw new Error(`</${name}> closes <${parent.name}>`)
      open.pop()
    } else {
      const element: Element = { name, attributes: attributesIn(attributes), children: [], text: '' }
      parent.children.push(element)
      if (empty !== '/') open.push(element)
    }
  }
  const [root, ...more] = document.children
  if (root === undefined || more.length > 0 || open.length !== 1 || document.text.trim() !== '') throw new Error('not one root element')
  return root
}

function attributesIn (text: string): Record<string, string> {
  const found = [...text.matchAll(/([A-Za-z_][\w.-]*)="([^"]*)"/g)].map(([, name = '', value = '']) => [name, resolved(value)] as const)
  if (new Set(found.map(([name]) => name)).size !== found.length) throw new Error('an attribute stands twice')
  return Object.fromEntries(found)
}

function resolved (text: string): string {
  return text.replace(/&([^;&\s]*;?)/g, (_all, reference: string) => {
    const [, code, name = ''] = /^(?:#(\d+)|(\w+));$/.exec(reference) ?? []
    const character = code === undefined ? ENTITIES[name] : String.fromCodePoint(Number(code))
    if (character === undefined) throw new Error(`&${reference} is no reference`)
    return character
  })
}
