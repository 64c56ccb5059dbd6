import fc from 'fast-check'
import t from 'tap'
import { classify } from '../../../src/policy/principal.ts'
import { PROFILE_NAMES } from '../../../src/policy/profiles/index.ts'
import { ID_TOKENS } from './id-tokens.ts'
import { issuer, token, type Json } from './table.ts'

const SHAPES = Object.entries(ID_TOKENS)

t.test('no IdP\'s ID token is an access token, at any issuer', async t => {
  for (const name of PROFILE_NAMES) {
    for (const [idp, shape] of SHAPES) {
      const { tokenKind, kind } = classify(issuer(name), shape)
      t.not(tokenKind, 'access', `${idp} at ${name}`)
      t.equal(kind, 'unknown', `${idp} at ${name}`)
    }
  }
})

t.test('the issuer\'s own ID token is called one', async t => {
  for (const name of PROFILE_NAMES) t.equal(classify(issuer(name), ID_TOKENS[name]).tokenKind, 'id', name)
})

// What a login, a mapper or an operator may have put into an ID token. Not the IdP's own discriminator: that one is proof.
const EXTRA: Json = {
  scope: 'openid write:address',
  scp: ['write:address'],
  permissions: ['write:address'],
  roles: ['clerk'],
  azp: 'app',
  client_id: 'app',
  cid: 'app',
  gty: 'password',
  username: 'ann',
  sid: 's',
  amr: ['pwd'],
  acr: '1'
}

t.test('extra claims make no access token of an ID token, at its own issuer', async () => {
  fc.assert(fc.property(fc.constantFrom(...PROFILE_NAMES), fc.subarray(Object.keys(EXTRA)), fc.constantFrom('JWT', undefined), (name, extra, typ) => {
    const more = Object.fromEntries(extra.map(claim => [claim, EXTRA[claim]]))
    const { tokenKind, kind } = classify(issuer(name), token({ ...more, ...ID_TOKENS[name].claims }, { typ }))
    return tokenKind !== 'access' && kind === 'unknown'
  }), { numRuns: 1000 })
})

t.test('a header that says at+jwt makes no access token of one with a hash', async t => {
  for (const name of PROFILE_NAMES) {
    for (const hash of ['at_hash', 'c_hash', 's_hash']) {
      const { tokenKind } = classify(issuer(name), token({ ...ID_TOKENS[name].claims, ...EXTRA, [hash]: 'h' }, { typ: 'at+jwt' }))
      t.not(tokenKind, 'access', `${name} ${hash}`)
    }
  }
})
