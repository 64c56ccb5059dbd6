import t, { type Test } from 'tap'
import { PROFILE_NAMES, PROFILES } from '../../src/policy/profiles/index.ts'
import { classify, type Principal, type VerifiedToken } from '../../src/policy/principal.ts'
import { claimsHold } from '../../src/policy/claims.ts'
import { compileAlternative } from '../../src/policy/require.ts'
import type { Configuration } from '../../src/config/load.ts'
import type { Issuer } from '../../src/config/gateway-schema.ts'
import { blocksOf, examplesOf, type Block } from './pages.ts'

/** What a token under a heading must be taken for. */
const MEANT: ReadonlyArray<readonly [heading: RegExp, tokenKind: Principal['tokenKind'], kind: Principal['kind']]> = [
  [/^A user's access token/, 'access', 'user'],
  [/^A machine's access token/, 'access', 'client'],
  [/^The ID token/, 'id', 'unknown']
]

for (const name of PROFILE_NAMES) {
  const page = `docs/idps/${name}.md`

  t.test(`the tokens of ${page} are what it says, by the issuer that it shows`, async t => {
    const { configurations, routes } = await configurationsOf(t, page)
    const tokens = blocksOf(page).filter(({ language }) => language === 'json')
    for (const [heading] of MEANT) t.ok(tokens.some(token => heading.test(token.heading)), `${heading.source} is there`)

    for (const block of tokens) {
      const [, tokenKind, kind] = MEANT.find(([heading]) => heading.test(block.heading)) ?? []
      const token = tokenIn(block)
      const issuer = configurations.flatMap(({ gateway }) => Object.values(gateway.issuers)).find(one => one.issuer === token.claims['iss'])
      if (issuer === undefined) {
        t.fail(`${block.at}: no issuer of the page has this iss`)
        continue
      }
      t.equal(issuer.idp, name, `${block.at}: the issuer's idp`)
      const principal = classify({ ...issuer, name: 'main', profile: PROFILES[issuer.idp] }, token)
      t.same([principal.tokenKind, principal.kind], [tokenKind, kind], `${block.at}: ${block.heading}`)
      if (tokenKind !== 'access') continue
      t.ok(isForUs(issuer, principal), `${block.at}: audience, client and claims`)
      t.ok(routes.some(configuration => opensSomething(configuration, principal)), `${block.at}: a rule of the page takes it`)
    }
  })
}

async function configurationsOf (t: Test, page: string) {
  const examples = await examplesOf(t, page)
  const loaded = examples.flatMap(({ loaded: { configuration }, block }) => configuration === undefined ? [] : [{ configuration, isRoutes: /^routes:/m.test(block.text) }])
  return { configurations: loaded.map(({ configuration }) => configuration), routes: loaded.filter(({ isRoutes }) => isRoutes).map(({ configuration }) => configuration) }
}

function tokenIn ({ text, at }: Block): VerifiedToken {
  const { header, payload } = JSON.parse(text) as { header?: VerifiedToken['header'], payload?: VerifiedToken['claims'] }
  if (header === undefined || payload === undefined) throw new Error(`${at} has no header and payload`)
  return { header, claims: payload }
}

function isForUs ({ audience = [], allowed_clients: allowed, claims: wanted = [] }: Issuer, { claims, client = '' }: Principal): boolean {
  const named = [claims['aud']].flat()
  return (audience.length === 0 || named.some(one => typeof one === 'string' && audience.includes(one))) &&
    (allowed === undefined || allowed.includes(client)) && claimsHold(claims, wanted)
}

function opensSomething ({ gateway, routes }: Configuration, principal: Principal): boolean {
  const names = Object.fromEntries(Object.entries(gateway.issuers).map(([issuer, { clients }]) => [issuer, clients]))
  const request = { method: 'GET', path: '/addresses/1', params: {}, address: '192.0.2.1' }
  return routes.flatMap(({ require }) => require === 'public' ? [] : require).some(alternative => {
    const { kinds, checks } = compileAlternative(alternative, names)
    return kinds.some(kind => kind === principal.kind) && checks.every(check => check(principal, { now: 1767225700_000, request }).holds)
  })
}
