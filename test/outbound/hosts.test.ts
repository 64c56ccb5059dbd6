import t from 'tap'
import type { HostPool } from '../../src/outbound/host-pool.ts'
import { createHost, Hosts, type Balance, type Host } from '../../src/outbound/hosts.ts'

// No connection is made here.
const pool = {} as HostPool

function hostsOf (count: number, balance: Balance = 'round_robin'): { readonly hosts: Hosts, readonly all: readonly Host[] } {
  const all = Array.from({ length: count }, (_value, at) => createHost(String(at), pool))
  return { hosts: new Hosts(all, balance), all }
}

const picked = (hosts: Hosts, count: number, tried: readonly Host[] = []) => Array.from({ length: count }, () => hosts.pick(tried).origin).join('')

t.test('round robin: each in its turn', async t => {
  const { hosts } = hostsOf(3)
  t.equal(picked(hosts, 7), '0120120')
})

t.test('the turns of one that is out go to the others alike', async t => {
  const { hosts, all: [, one] } = hostsOf(3)
  if (one === undefined) return t.fail()
  one.isEjected = true
  hosts.changed()
  t.match(picked(hosts, 6), /^(020202|202020)$/)
  one.isEjected = false
  hosts.changed()
  t.match(picked(hosts, 6), /^(012012|120120|201201)$/)
})

t.test('least pending: the one with the fewest, among equals each in its turn', async t => {
  const { hosts, all } = hostsOf(3, 'least_pending')
  t.equal(picked(hosts, 3), '012')
  const [zero, one, two] = all
  if (zero === undefined || one === undefined || two === undefined) return t.fail()
  zero.open = 5
  one.open = 2
  two.open = 3
  t.equal(picked(hosts, 3), '111')
  two.open = 2
  t.same(new Set(picked(hosts, 6)), new Set('12'))
})

t.test('a retry goes to another one, where there is one', async t => {
  for (const balance of ['round_robin', 'least_pending'] as const) {
    const { hosts, all: [zero, one, two] } = hostsOf(3, balance)
    if (zero === undefined || one === undefined || two === undefined) return t.fail()
    t.same(new Set(picked(hosts, 6, [zero])), new Set('12'))
    t.equal(picked(hosts, 3, [zero, two]), '111')
    t.same(new Set(picked(hosts, 6, [zero, one, two])), new Set('012'))
    one.isHealthy = false
    hosts.changed()
    t.equal(picked(hosts, 3, [zero]), '222')
    t.same(new Set(picked(hosts, 6, [zero, two])), new Set('02'), 'rather a host that was tried than one that is ill')
  }
})

t.test('where none is left, the healthy ones serve; where none is healthy, all', async t => {
  const { hosts, all } = hostsOf(3)
  const [zero, one, two] = all
  if (zero === undefined || one === undefined || two === undefined) return t.fail()
  zero.isEjected = true
  one.isHealthy = false
  two.isHealthy = false
  hosts.changed()
  t.equal(picked(hosts, 2), '00')
  zero.isHealthy = false
  hosts.changed()
  t.same(new Set(picked(hosts, 6)), new Set('012'))
})
