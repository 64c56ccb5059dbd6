import t from 'tap'
import { configurationHash } from '../../src/config/fingerprint.ts'
import { GATEWAY, load, ROUTES, type Files } from './files.ts'

async function hashOf (files: Files): Promise<string> {
  const { configuration, lines } = await load(files)
  if (configuration === undefined) throw new Error(lines.join('\n'))
  return configurationHash(configuration)
}

t.test('it is of what the files say, wherever they lie, and whatever the secrets are', async t => {
  const usual = await hashOf({})
  t.match(usual, /^[0-9a-f]{12}$/)
  t.equal(await hashOf({}), usual, 'in another folder')
  t.equal(await hashOf({ env: { ERP_SECRET: 'another' } }), usual, 'with another secret')
  t.equal(await hashOf({ gateway: `# a remark\n${GATEWAY}` }), usual)
  t.not(await hashOf({ gateway: GATEWAY.replace('middleware', 'other') }), usual)
  t.not(await hashOf({ routes: ROUTES.replace('user', 'client') }), usual)
  t.not(await hashOf({ routes: `\n${ROUTES}` }), usual, 'the line of a rule is in the log, too')
  t.not(await hashOf({ gateway: GATEWAY.replace('middleware', '"${NAME}"'), env: { ERP_SECRET: 'x', NAME: 'a' } }), await hashOf({ gateway: GATEWAY.replace('middleware', '"${NAME}"'), env: { ERP_SECRET: 'x', NAME: 'b' } }))
})

t.test('a key that can be guessed hashes no subject', async t => {
  const { places } = await load({ gateway: `${GATEWAY}log: { subject: { hash_key: short } }\n` })
  t.same(places, ['gateway.yaml:15:29 log.subject.hash_key'])
  const { lines } = await load({ gateway: `${GATEWAY}log: { subject: { hash_key: short } }\n` })
  t.notOk(lines.join('\n').includes('short'), 'and is in no message')
  t.ok((await load({ gateway: `${GATEWAY}log: { subject: { hash_key: { env: HASH_KEY } } }\n`, env: { ERP_SECRET: 'x', HASH_KEY: 'sixteen letters!' } })).configuration)
  t.same((await load({ gateway: `${GATEWAY}log: { subject: {} }\n` })).places, ['gateway.yaml:15:17 log.subject'])
})
