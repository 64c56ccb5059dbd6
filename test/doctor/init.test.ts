import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { initCommand } from '../../src/commands/init.ts'
import { tryOut } from '../../src/commands/rehearsing.ts'
import { ERP_NAMES, type ErpName } from '../../src/config/erps/index.ts'
import { loadConfiguration } from '../../src/config/load.ts'
import { interview, Unanswered } from '../../src/init/interview.ts'
import { QUESTIONS, type Answers } from '../../src/init/questions.ts'
import { writeTexts } from '../../src/init/texts.ts'
import { writeFiles, WriteError } from '../../src/init/write-files.ts'
import { PROFILE_NAMES } from '../../src/policy/profiles/index.ts'
import { runCommand } from '../support/command.ts'
import { tempDir } from '../support/files.ts'
import type { TestContext } from '../support/teardown.ts'

/** Says what is usual, with names of its own where capitals ask for one. */
async function answered (given: Answers): Promise<Answers> {
  return await interview(given, (question, answers) => Promise.resolve(usualAnswer(question.usual?.(answers)) ?? (question.preset === undefined ? SAID[question.name] ?? 'something' : '')))
}

const SAID: Answers = { clients: 'saas-id, jobs-id', username: 'COUNTERSIGN', clientId: 'middleware', kid: 'key-1', tenant: 'acme' }

function usualAnswer (usual: string | undefined): string | undefined {
  return usual?.replace(/[A-Z][A-Z.-]{2,}[A-Z]/g, word => word.toLowerCase())
}

async function written (t: TestContext, answers: Answers): Promise<{ readonly config: string, readonly routes: string, readonly cases: string }> {
  const { gateway, routes, cases } = writeTexts(answers)
  const dir = await tempDir(t, { 'gateway.yaml': gateway, 'routes.yaml': routes, 'routes.test.yaml': cases })
  return { config: join(dir, 'gateway.yaml'), routes: join(dir, 'routes.yaml'), cases: join(dir, 'routes.test.yaml') }
}

// Every IdP, and every ERP: each IdP with two of them, so that each ERP is there more than once.
for (const [at, idp] of PROFILE_NAMES.entries()) {
  for (const erp of new Set<ErpName>(['generic', ERP_NAMES[1 + at % (ERP_NAMES.length - 1)] ?? 'sap'])) {
    t.test(`${idp} and ${erp}: check takes what is written, and every case comes as expected`, async t => {
      const files = await written(t, await answered({ idp, erp }))
      const { configuration, mistakes } = await loadConfiguration(files, {}, { secrets: 'optional' })
      t.ok(configuration)
      // The only thing that is missing is the secret.
      t.same(mistakes.filter(({ path }) => !/credential.*(client_secret|password|headers|key)/.test(path)).map(({ path, message }) => `${path} ${message}`), [])
      const { rehearsal } = await tryOut(files)
      t.match(rehearsal, { ok: true, coverage: { whole: true } })
    })
  }
}

t.test('every kind of credential, at an IdP and at an ERP that have another one', async t => {
  for (const credential of ['client_credentials', 'client_assertion', 'basic', 'headers', 'none']) {
    for (const erp of ['generic', 'sap']) {
      const { configuration } = await loadConfiguration(await written(t, await answered({ idp: 'keycloak', erp, credential })), {}, { secrets: 'optional' })
      t.equal(configuration?.gateway.upstreams['erp']?.credential.kind, credential)
    }
  }
})

t.test('what YAML would read otherwise is quoted', async t => {
  const answers = await answered({ idp: 'keycloak', audience: '12345', clientId: 'yes', erpScope: 'a b', erp: 'generic' })
  const { configuration } = await loadConfiguration(await written(t, { ...answers, audience: 'a: #b, [c]' }), {}, { secrets: 'optional' })
  t.same(configuration?.gateway.issuers['main']?.audience, ['a: #b, [c]'])
  t.match(configuration?.gateway.upstreams['erp']?.credential, { client_id: 'yes', scope: 'a b' })
})

t.test('answers are looked at with the rules of the files: asked again where somebody is there, refused where nobody is', async t => {
  const said = ['nonsense', 'auth0', 'http://idp.example.com/', 'https://TENANT.eu.auth0.com/', 'https://acme.eu.auth0.com/', '', 'https://api.acme.com', '', 'https://erp.acme.com', '', 'middleware', 'https://erp.acme.com']
  const wrongs: string[] = []
  const answers = await interview({}, (_question, _answers, wrong) => {
    if (wrong !== undefined) wrongs.push(wrong)
    return Promise.resolve(said.shift() ?? '')
  })
  t.equal(wrongs.length, 4)
  t.match(answers, { idp: 'auth0', issuer: 'https://acme.eu.auth0.com/', erp: 'generic', credential: 'client_credentials' })
  const alone = async (given: Answers): Promise<string> => await interview(given, undefined).then(() => 'good', (error: unknown) => error instanceof Unanswered ? error.message : 'another error')
  t.match(await alone({ idp: 'auth0' }), /--issuer, --audience, --erp-url, --client-id, --erp-audience/)
  t.match(await alone({ idp: 'auht0' }), /--idp.*did you mean "auth0"/)
  t.match(await alone({ ...answers, issuer: 'https://acme.eu.auth0.com/?x=1' }), /--issuer.*query/)
  t.match(await alone({ ...answers, username: 'somebody' }), /--username.*not for/)
  t.equal(await alone(answers), 'good')
})

t.test('all are written or none: a file in the way, a folder that may not be written, or a check that says no', async t => {
  const dir = await tempDir(t, { 'routes.yaml': 'mine' })
  const files = ['config/gateway.yaml', 'routes.yaml', 'routes.test.yaml'].map(name => ({ path: join(dir, name), text: 'new' }))
  const put = async (force: boolean, check = async (): Promise<void> => {}) => await writeFiles(files, { force, check })
  const there = async (): Promise<string[]> => (await readdir(dir, { recursive: true })).sort()
  await t.rejects(put(false), WriteError)
  t.same(await there(), ['routes.yaml'])
  t.equal(await readFile(join(dir, 'routes.yaml'), 'utf8'), 'mine')
  await t.rejects(put(true, () => Promise.reject(new Error('no'))), /no/)
  t.same(await there(), ['config', 'routes.yaml'])
  await put(true)
  t.same(await there(), ['config', 'config/gateway.yaml', 'routes.test.yaml', 'routes.yaml'])
  await writeFile(join(dir, 'routes.test.yaml'), 'mine')
  await t.rejects(writeFiles([{ path: join(dir, 'new.yaml'), text: 'x' }, { path: join(dir, 'routes.test.yaml', 'below.yaml'), text: 'x' }], { force: true, check: async () => {} }), WriteError)
  t.equal((await there()).includes('new.yaml'), false)
})

const FLAGS = ['--idp', 'auth0', '--issuer', 'https://acme.eu.auth0.com/', '--audience', 'https://api.acme.com', '--erp-url', 'https://erp.acme.com', '--client-id', 'middleware', '--erp-audience', 'https://erp.acme.com']

t.test('the command writes, says what to do next, and never replaces a file by itself', async t => {
  const dir = await tempDir(t)
  const first = await runCommand(t, ['init', ...FLAGS], { cwd: dir })
  t.match(first, { code: 0, stderr: '' })
  for (const word of [/docs\/idps\/auth0\.md/, /ERP_CLIENT_SECRET=/, /countersign check$/m, /countersign test$/m, /countersign doctor$/m, /countersign start$/m]) t.match(first.stdout, word)
  const paths = { config: join(dir, 'config/gateway.yaml'), routes: join(dir, 'routes.yaml'), cases: join(dir, 'routes.test.yaml') }
  t.match(await tryOut(paths), { rehearsal: { ok: true } })
  t.match(await runCommand(t, ['init', ...FLAGS], { cwd: dir }), { code: 2, stdout: '', stderr: /--force/ })
})

t.test('where there is no terminal nothing is asked: what is missing is named, and nothing written', async t => {
  const dir = await tempDir(t)
  t.match(await runCommand(t, ['init', '--idp', 'auth0'], { cwd: dir }), { code: 2, stdout: '', stderr: /--issuer/ })
  t.same(await readdir(dir), [])
})

t.test('each question is a flag of the command, and no other is', async t => {
  const own = ['config', 'routes', 'cases', 'force']
  t.same(initCommand().options.map(({ long }) => long?.slice(2)).filter(flag => flag === undefined || !own.includes(flag)), QUESTIONS.map(({ flag }) => flag))
})
