import { randomBytes } from 'node:crypto'
import t from 'tap'
import { createSealing } from '../../src/store/sealed.ts'

const key = () => randomBytes(32)
const TEXT = 'eyJhbGciOiJub25lIn0.a token, as it were. ü'

t.test('what is sealed for a place can be read there, and tells nothing of itself', async t => {
  const sealing = createSealing([key()])
  const sealed = sealing.seal(TEXT, 'place')
  t.equal(sealing.open(sealed, 'place'), TEXT)
  t.match(sealed, /^1\.[\w-]{8}\.[\w-]+$/)
  for (const encoding of ['utf8', 'base64', 'base64url', 'hex'] as const) {
    for (const part of [TEXT.slice(0, 12), TEXT.slice(-12)]) t.notOk(sealed.includes(Buffer.from(part).toString(encoding)), encoding)
  }
  t.not(sealing.seal(TEXT, 'place'), sealed, 'the same text is another each time')
})

t.test('what was moved to another place, of another key, cut or changed in any one character is nothing', async t => {
  const first = key()
  const sealing = createSealing([first])
  const sealed = sealing.seal(TEXT, 'place')
  t.equal(sealing.open(sealed, 'place2'), undefined)
  t.equal(createSealing([key()]).open(sealed, 'place'), undefined)
  for (let at = 0; at < sealed.length; at++) {
    const changed = sealed.slice(0, at) + (sealed[at] === 'A' ? 'B' : 'A') + sealed.slice(at + 1)
    // The last character of base64 has bits that do not count.
    if (at < sealed.length - 1) t.equal(sealing.open(changed, 'place'), undefined, `changed at ${at}`)
    t.equal(sealing.open(sealed.slice(0, at), 'place') ?? undefined, undefined, `cut at ${at}`)
  }
  for (const odd of ['', '.', '1', '1..', `1.${sealed.split('.')[1] ?? ''}.`, `${sealed}.`, `2${sealed.slice(1)}`, TEXT, '1.AAAAAAAA.AAAA']) t.equal(sealing.open(odd, 'place'), undefined, odd)
})

t.test('a tag that is cut short is none', async t => {
  const sealing = createSealing([key()])
  const [version = '', id = '', encoded = ''] = sealing.seal('', 'place').split('.')
  t.equal(sealing.open([version, id, encoded].join('.'), 'place'), '')
  const bytes = Buffer.from(encoded, 'base64url')
  for (const cut of [1, 2, 4, 8, 12]) t.equal(sealing.open([version, id, bytes.subarray(0, -cut).toString('base64url')].join('.'), 'place'), undefined)
})

t.test('keys are rotated in three steps, at each of which all replicas read what all write', async t => {
  const [old, next] = [key(), key()]
  const steps = [createSealing([old]), createSealing([old, next]), createSealing([next, old]), createSealing([next])]
  for (const [at, one] of steps.entries()) {
    for (const other of steps.slice(Math.max(0, at - 1), at + 2)) {
      const [name = ''] = one.namesOf('a request')
      t.ok(other.namesOf('a request').includes(name), `step ${at}`)
      t.equal(other.open(one.seal(TEXT, name), name), TEXT)
    }
  }
  t.notOk(steps[3]?.namesOf('a request').some(name => steps[0]?.namesOf('a request').includes(name)))
})

t.test('a name tells nothing to who has no key', async t => {
  const [one, other] = [createSealing([key()]), createSealing([key()])]
  t.not(one.namesOf('a')[0], other.namesOf('a')[0])
  t.not(one.namesOf('a')[0], one.namesOf('b')[0])
  t.same(one.namesOf('a'), one.namesOf('a'))
})

t.test('each text has a nonce of its own, of 96 bits', async t => {
  const asked: number[] = []
  const sealing = createSealing([key()], size => {
    asked.push(size)
    return randomBytes(size)
  })
  for (let n = 0; n < 3; n++) sealing.seal(TEXT, 'place')
  t.same(asked, [12, 12, 12])
})
