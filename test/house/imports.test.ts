import t from 'tap'
import { dirname, join } from 'node:path'
import ts from 'typescript'
import { filesIn, read } from './repository.ts'

/** Which rooms the code of a room may import, and which of them for types only. */
const ROOMS: Readonly<Record<string, { readonly code: readonly string[], readonly types?: readonly string[] }>> = {
  common: { code: [] },
  policy: { code: ['common'], types: ['config'] },
  config: { code: ['policy', 'common'] },
  idp: { code: ['policy', 'common'], types: ['config'] },
  inbound: { code: ['idp', 'policy', 'common'], types: ['config'] },
  outbound: { code: ['idp', 'policy', 'common'], types: ['config'] },
  store: { code: ['outbound', 'idp', 'policy', 'common'], types: ['config', 'inbound'] },
  observe: { code: ['idp', 'policy', 'common'], types: ['config', 'inbound', 'outbound'] },
  explain: { code: ['inbound', 'policy', 'config'], types: ['app', 'observe'] },
  // From the rule's word to the end of the answer.
  calling: { code: ['outbound', 'inbound', 'policy', 'common'], types: ['app', 'observe'] },
  // The other port: it looks at all that runs, which it is given, and changes nothing of it.
  admin: { code: ['explain', 'inbound', 'policy', 'config', 'common'], types: ['app', 'shadow', 'observe'] },
  // IdPs that this process plays, for policies that are tried out without one.
  'built-in-issuer': { code: ['idp', 'policy'], types: ['config', 'outbound'] },
  // Given a way to open the two files: it starts nothing.
  rehearsal: { code: ['built-in-issuer', 'explain', 'policy', 'config'], types: ['app', 'inbound', 'outbound'] },
  openapi: { code: ['policy', 'config'] },
  cluster: { code: ['inbound', 'outbound', 'idp', 'common'], types: ['admin', 'explain'] },
  app: { code: ['admin', 'shadow', 'calling', 'cluster', 'store', 'explain', 'inbound', 'outbound', 'observe', 'idp', 'policy', 'config', 'common'] },
  // Decides once more what the gateway has decided; the app loads it where something is tried out.
  shadow: { code: ['app', 'explain', 'inbound', 'observe', 'policy', 'config', 'common'], types: ['calling'] },
  // A world around the gateway, which it starts as a command of its own.
  demo: { code: ['config'] },
  // It looks at all that a gateway would speak to, and starts nothing of it but the gateway itself, for the leak test.
  doctor: { code: ['app', 'built-in-issuer', 'store', 'inbound', 'outbound', 'observe', 'idp', 'policy', 'config', 'common'] },
  init: { code: ['policy', 'config'] },
  commands: { code: ['app', 'built-in-issuer', 'cluster', 'demo', 'doctor', 'explain', 'init', 'openapi', 'rehearsal', 'inbound', 'outbound', 'observe', 'idp', 'policy', 'config'] },
  cli: { code: ['commands', 'config'] }
}

// The core decides, and does nothing else: no package but the one for `where`, in its one file.
const PACKAGES_OF_POLICY: Readonly<Record<string, readonly string[]>> = {
  'src/policy/where.ts': ['@marcbachmann/cel-js']
}

interface Import {
  readonly file: string
  readonly line: number
  readonly specifier: string
  readonly typeOnly: boolean
}

const sources = filesIn('src', /\.ts$/)
const imports = sources.flatMap(importsOf)

t.test('there is something to look at', async t => {
  t.ok(sources.length > 10)
  t.ok(imports.length > 20)
})

t.test('every room has its place in the order', async t => {
  t.same([...new Set(sources.map(roomOf))].filter(room => ROOMS[room] === undefined), [])
})

t.test('no import runs backwards', async t => {
  const backwards = imports.filter(({ file, specifier, typeOnly }) => {
    if (!specifier.startsWith('.')) return false
    const [from, to] = [roomOf(file), roomOf(join(dirname(file), specifier))]
    const room = ROOMS[from]
    return from !== to && room?.code.includes(to) !== true && !(typeOnly && room?.types?.includes(to) === true)
  })
  t.same(backwards.map(place), [])
})

t.test('the core imports nothing but itself', async t => {
  const strangers = imports.filter(({ file, specifier }) => {
    return roomOf(file) === 'policy' && !specifier.startsWith('.') && PACKAGES_OF_POLICY[file]?.includes(specifier) !== true
  })
  t.same(strangers.map(place), [])
})

t.test('what ships imports only what is installed with it', async t => {
  const { dependencies, optionalDependencies } = JSON.parse(read('package.json')) as Readonly<Record<string, Readonly<Record<string, string>> | undefined>>
  const strangers = imports.filter(({ file, specifier, typeOnly }) => {
    if (specifier.startsWith('.') || specifier.startsWith('node:')) return false
    const name = specifier.split('/').slice(0, specifier.startsWith('@') ? 2 : 1).join('/')
    const installed = dependencies?.[name] !== undefined
    // oidc-provider is not in the image: only the demo may want it, when it runs. Types are gone by then.
    const optional = optionalDependencies?.[name] !== undefined && roomOf(file) === 'demo'
    return !installed && !optional && !typeOnly
  })
  t.same(strangers.map(place), [])
})

t.test('relative imports name the file, extension and all', async t => {
  t.same(imports.filter(({ specifier }) => specifier.startsWith('.') && !specifier.endsWith('.ts')).map(place), [])
})

t.test('built-in modules are imported as such', async t => {
  const bare = imports.filter(({ specifier }) => ['fs', 'path', 'http', 'https', 'net', 'crypto', 'stream', 'url', 'util', 'os', 'events'].includes(specifier))
  t.same(bare.map(place), [])
})

t.test('two files do not import each other in a circle', async t => {
  const edges = new Map(sources.map(file => [file, imports
    .filter(each => each.file === file && each.specifier.startsWith('.') && !each.typeOnly)
    .map(each => join(dirname(file), each.specifier))]))
  t.same(sources.filter(file => reaches(edges, file, file)), [])
})

/** A room is a folder of src/; the files beside the folders, gateway.ts and the like, are one room: the app. */
function roomOf (path: string): string {
  const [, name = '', ...below] = path.split('/')
  if (below.length > 0) return name
  return name === 'cli.ts' ? 'cli' : 'app'
}

function place ({ file, line, specifier }: Import): string {
  return `${file}:${line} imports ${specifier}`
}

function reaches (edges: ReadonlyMap<string, readonly string[]>, from: string, to: string): boolean {
  const seen = new Set<string>()
  const open = [...edges.get(from) ?? []]
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    if (file === to) return true
    if (seen.has(file)) continue
    seen.add(file)
    open.push(...edges.get(file) ?? [])
  }
  return false
}

function importsOf (file: string): Import[] {
  const source = ts.createSourceFile(file, read(file), ts.ScriptTarget.Latest)
  const found: Import[] = []
  visit(source)
  return found

  function visit (node: ts.Node): void {
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, isTypeOnly(node.importClause))
    if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined) add(node.moduleSpecifier, node.isTypeOnly)
    if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal, true)
    if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword && node.arguments[0] !== undefined) add(node.arguments[0], false)
    ts.forEachChild(node, visit)
  }

  function add (specifier: ts.Node, typeOnly: boolean): void {
    // What is computed cannot be checked: it is reported under its own text, which no rule allows.
    const text = ts.isStringLiteralLike(specifier) ? specifier.text : specifier.getText(source)
    found.push({ file, line: source.getLineAndCharacterOfPosition(specifier.getStart(source)).line + 1, specifier: text, typeOnly })
  }
}

function isTypeOnly (clause: ts.ImportClause | undefined): boolean {
  if (clause === undefined) return false
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true
  const named = clause.namedBindings
  return clause.name === undefined && named !== undefined && ts.isNamedImports(named) && named.elements.length > 0 && named.elements.every(each => each.isTypeOnly)
}
