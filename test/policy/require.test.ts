import t from 'tap'
import { parseClaimPath, type Scalar } from '../../src/policy/claims.ts'
import type { Principal } from '../../src/policy/principal.ts'
import { compileAlternative, type Check, type ClientNames, type Conditions } from '../../src/policy/require.ts'
import { WhereError } from '../../src/policy/where.ts'
import { context, NOW, userOf } from './principals.ts'

const names: ClientNames = { main: { portal: 'p-1', nightly: 'n-1' }, other: { portal: 'o-1' } }

function checksOf (conditions: Conditions, principal: Principal): Check[] {
  return compileAlternative({ kinds: ['user'], conditions }, names).checks.map(check => check(principal, context))
}

const claim = (name: string, ...values: Scalar[]) => ({ name, path: parseClaimPath(name), values })

interface Row {
  readonly conditions: Conditions
  readonly principal: Partial<Principal>
  /** the code where it does not hold */
  readonly code?: string
  readonly missing?: readonly string[]
}

const rows: readonly Row[] = [
  { conditions: { scope: ['a'] }, principal: { scopes: ['b', 'a'] } },
  { conditions: { scope: ['a', 'b'] }, principal: { scopes: ['a'] }, code: 'scope-missing', missing: ['b'] },
  { conditions: { scope: ['a', 'b'] }, principal: { scopes: [] }, code: 'scope-missing', missing: ['a', 'b'] },
  { conditions: { scope: ['a'] }, principal: { scopes: ['ab', 'A', 'a '] }, code: 'scope-missing', missing: ['a'] },
  { conditions: { any_scope: ['a', 'b'] }, principal: { scopes: ['b'] } },
  { conditions: { any_scope: ['a', 'b'] }, principal: { scopes: ['c'] }, code: 'scope-missing', missing: ['a', 'b'] },
  { conditions: { permission: ['a', 'b'] }, principal: { permissions: ['b', 'a'] } },
  { conditions: { permission: ['a', 'b'] }, principal: { permissions: ['b'], scopes: ['a'] }, code: 'permission-missing' },
  { conditions: { any_permission: ['a', 'b'] }, principal: { permissions: ['b'] } },
  { conditions: { any_permission: ['a', 'b'] }, principal: { permissions: ['c'] }, code: 'permission-missing' },
  { conditions: { role: ['a', 'x:b'] }, principal: { roles: ['x:b', 'a'] } },
  { conditions: { role: ['a'] }, principal: { roles: ['x:a'] }, code: 'role-missing' },
  { conditions: { any_role: ['a', 'b'] }, principal: { roles: ['b'] } },
  { conditions: { any_role: ['a', 'b'] }, principal: { roles: ['x:a', 'x:b'] }, code: 'role-missing' },
  { conditions: { client_id: ['saas'] }, principal: {} },
  { conditions: { client_id: ['nightly', 'portal'] }, principal: { client: 'p-1' } },
  { conditions: { client_id: ['portal'] }, principal: { client: 'o-1', issuer: 'other' } },
  { conditions: { client_id: ['nightly'] }, principal: { client: 'nightly', issuer: 'other' } },
  { conditions: { client_id: ['portal'] }, principal: { client: 'p-1', issuer: 'other' }, code: 'client-not-listed' },
  { conditions: { client_id: ['portal'] }, principal: { client: 'portal' }, code: 'client-not-listed' },
  { conditions: { client_id: ['toString'] }, principal: { client: 'x' }, code: 'client-not-listed' },
  { conditions: { client_id: ['saas'] }, principal: { client: undefined }, code: 'client-not-listed' },
  { conditions: { client_id: ['saas'] }, principal: { issuer: 'unheard-of' } },
  { conditions: { audience: ['x', 'y'] }, principal: { claims: { aud: 'y' } } },
  { conditions: { audience: ['x', 'y'] }, principal: { claims: { aud: ['z', 'x'] } } },
  { conditions: { audience: ['x'] }, principal: { claims: { aud: ['z', 7, ['x']] } }, code: 'audience-missing' },
  { conditions: { audience: ['x'] }, principal: { claims: {} }, code: 'audience-missing' },
  { conditions: { claims: [claim('a.b', 1, 2)] }, principal: { claims: { a: { b: [3, 2] } } } },
  { conditions: { claims: [claim('a', 1)] }, principal: { claims: { a: '1' } }, code: 'claim-mismatch' },
  { conditions: { claims: [claim('toString.name', 'toString')] }, principal: { claims: {} }, code: 'claim-mismatch' },
  { conditions: { max_age: 60 }, principal: { claims: { auth_time: NOW - 60 } } },
  { conditions: { max_age: 60 }, principal: { claims: { auth_time: NOW + 300 } } },
  { conditions: { max_age: 60 }, principal: { claims: { auth_time: NOW - 61 } }, code: 'login-too-old' },
  { conditions: { max_age: 60 }, principal: { claims: { auth_time: 0 } }, code: 'login-too-old' },
  { conditions: { max_age: 60 }, principal: { claims: { auth_time: -1 } }, code: 'login-too-old' },
  { conditions: { max_age: 60 }, principal: { claims: {} }, code: 'claim-mismatch' },
  { conditions: { max_age: 60 }, principal: { claims: { auth_time: String(NOW) } }, code: 'claim-mismatch' },
  { conditions: { max_age: 60 }, principal: { claims: { auth_time: NaN } }, code: 'claim-mismatch' },
  { conditions: { max_age: 60 }, principal: { claims: { auth_time: Infinity } }, code: 'claim-mismatch' },
  { conditions: { max_age: 60 }, principal: { claims: { auth_time: -Infinity } }, code: 'claim-mismatch' },
  { conditions: { max_age: 60 }, principal: { claims: { auth_time: NOW * 1000 } }, code: 'claim-mismatch' },
  { conditions: { acr: ['gold', 'silver'] }, principal: { claims: { acr: 'silver' } } },
  { conditions: { acr: ['gold'] }, principal: { claims: { acr: 'bronze' } }, code: 'login-too-weak' },
  { conditions: { acr: ['1'] }, principal: { claims: { acr: 1 } }, code: 'login-too-weak' },
  { conditions: { acr: ['gold'] }, principal: { claims: {} }, code: 'login-too-weak' },
  { conditions: { where: 'request.params.id == claims.org' }, principal: { claims: { org: '7' } } },
  { conditions: { where: 'request.params.id == claims.org' }, principal: { claims: { org: 7 } }, code: 'where-not-met' }
]

for (const { conditions, principal, code, missing = [] } of rows) {
  t.test(`${JSON.stringify(conditions)} ${code === undefined ? 'holds' : 'does not hold'} for ${JSON.stringify(principal)}`, async t => {
    const checks = checksOf(conditions, userOf(principal))
    t.equal(checks.length, 1)
    t.equal(checks[0]?.holds, code === undefined)
    if (code !== undefined) t.equal(checks[0]?.code, code)
    t.same(checks[0]?.missingScopes ?? [], missing)
    t.equal(checks[0]?.condition, Object.keys(conditions)[0])
  })
}

t.test('each condition is a check of its own, the expression last', async t => {
  const conditions: Conditions = { where: 'true', acr: ['a'], max_age: 1, claims: [claim('x', 1), claim('y', 1)], any_role: ['a'], role: ['a'], any_permission: ['a'], permission: ['a'], any_scope: ['a'], scope: ['a'], audience: ['a'], client_id: ['a'] }
  t.same(checksOf(conditions, userOf()).map(({ condition }) => condition), ['client_id', 'audience', 'scope', 'any_scope', 'permission', 'any_permission', 'role', 'any_role', 'claims', 'claims', 'max_age', 'acr', 'where'])
  t.same(checksOf({}, userOf()), [])
})

t.test('what a check saw can be written down, however deep the claim', async t => {
  const deep: unknown = JSON.parse('['.repeat(6000) + ']'.repeat(6000))
  for (const acr of [deep, [deep], { a: deep }, [{ a: deep }], 'x', 1, null, undefined]) {
    for (const check of checksOf({ acr: ['gold'], claims: [claim('acr', 'gold')] }, userOf({ claims: { acr } }))) {
      t.equal(check.holds, false)
      t.doesNotThrow(() => JSON.stringify(check))
    }
  }
})

t.test('an expression that is none is refused when it is compiled', async t => {
  t.throws(() => checksOf({ where: 'nobody == 1' }, userOf()), WhereError)
})
