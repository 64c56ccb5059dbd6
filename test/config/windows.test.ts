import t from 'tap'
import { createWindows, isEndless } from '../../src/config/windows.ts'
import type { MaintenanceWindow } from '../../src/config/maintenance-schema.ts'

const at = (text: string) => Date.parse(text)
const once = (from: string, to: string): MaintenanceWindow => ({ kind: 'once', from: at(from), to: at(to) })
const again = (cron: string, minutes: number, zone = 'UTC'): MaintenanceWindow => ({ kind: 'again', cron, for: minutes * 60_000, time_zone: zone })

/** Each moment, and whether a window is open then, and until when. */
function promise (name: string, windows: readonly MaintenanceWindow[], rows: ReadonlyArray<readonly [moment: string, isOpen: boolean, until: string | undefined]>): void {
  t.test(name, async t => {
    const stateAt = createWindows(windows)
    for (const [moment, isOpen, until] of rows) t.same(stateAt(at(moment)), { isOpen, until: until === undefined ? Infinity : at(until) }, moment)
  })
}

promise('a window is open from its beginning to just before its end', [once('2026-03-01T22:00:00+01:00', '2026-03-02T02:00:00+01:00')], [
  ['2026-03-01T20:59:59.999Z', false, '2026-03-01T21:00:00Z'],
  ['2026-03-01T21:00:00Z', true, '2026-03-02T01:00:00Z'],
  ['2026-03-02T00:59:59.999Z', true, '2026-03-02T01:00:00Z'],
  ['2026-03-02T01:00:00Z', false, undefined]
])

promise('of windows that overlap, or follow on each other, the end of the last counts', [
  once('2026-03-01T10:00:00Z', '2026-03-01T11:00:00Z'), once('2026-03-01T10:30:00Z', '2026-03-01T12:00:00Z'), once('2026-03-01T12:00:00Z', '2026-03-01T12:10:00Z'), once('2026-03-01T13:00:00Z', '2026-03-01T14:00:00Z')
], [
  ['2026-03-01T10:00:00Z', true, '2026-03-01T12:10:00Z'],
  ['2026-03-01T12:05:00Z', true, '2026-03-01T12:10:00Z'],
  ['2026-03-01T12:10:00Z', false, '2026-03-01T13:00:00Z']
])

promise('by cron it comes again and again', [again('0 22 * * 6', 150)], [
  ['2026-03-07T21:59:59.999Z', false, '2026-03-07T22:00:00Z'],
  ['2026-03-07T22:00:00Z', true, '2026-03-08T00:30:00Z'],
  ['2026-03-07T22:00:00.001Z', true, '2026-03-08T00:30:00Z'],
  ['2026-03-08T00:29:59.999Z', true, '2026-03-08T00:30:00Z'],
  ['2026-03-08T00:30:00Z', false, '2026-03-14T22:00:00Z']
])

promise('day and day of the week: either will do, as cron has it', [again('0 0 1 * 1', 60)], [
  ['2026-03-01T00:30:00Z', true, '2026-03-01T01:00:00Z'],
  ['2026-03-02T00:30:00Z', true, '2026-03-02T01:00:00Z'],
  ['2026-03-03T00:30:00Z', false, '2026-03-09T00:00:00Z']
])

promise('a window that begins again before it ends is one', [again('0,30 2 * * *', 45)], [
  ['2026-03-01T02:00:00Z', true, '2026-03-01T03:15:00Z'],
  ['2026-03-01T02:40:00Z', true, '2026-03-01T03:15:00Z'],
  ['2026-03-01T03:15:00Z', false, '2026-03-02T02:00:00Z']
])

promise('when clocks go forward, it begins in the place of the hour that is not there, and lasts as long', [again('30 2 * * *', 60, 'Europe/Berlin')], [
  ['2026-03-28T01:30:00Z', true, '2026-03-28T02:30:00Z'],
  ['2026-03-29T01:29:59Z', false, '2026-03-29T01:30:00Z'],
  ['2026-03-29T01:30:00Z', true, '2026-03-29T02:30:00Z'],
  ['2026-03-30T00:30:00Z', true, '2026-03-30T01:30:00Z']
])

promise('when they go back, it comes once', [again('30 2 * * *', 30, 'Europe/Berlin')], [
  ['2026-10-25T00:30:00Z', true, '2026-10-25T01:00:00Z'],
  ['2026-10-25T01:00:00Z', false, '2026-10-26T01:30:00Z'],
  ['2026-10-25T01:30:00Z', false, '2026-10-26T01:30:00Z']
])

promise('it lasts so long by the clock that is not set, over a change of it too', [again('0 0 * * 0', 300, 'Europe/Berlin')], [
  ['2026-03-28T23:00:00Z', true, '2026-03-29T04:00:00Z'],
  ['2026-10-24T22:00:00Z', true, '2026-10-25T03:00:00Z']
])

promise('a window that is open when they go back stays open to its end', [again('30 2 * * *', 90, 'Europe/Berlin')], [
  ['2026-10-25T00:45:00Z', true, '2026-10-25T02:00:00Z'],
  ['2026-10-25T01:00:00Z', true, '2026-10-25T02:00:00Z'],
  ['2026-10-25T01:45:00Z', true, '2026-10-25T02:00:00Z'],
  ['2026-10-25T02:00:00Z', false, '2026-10-26T01:30:00Z']
])

promise('by the clocks of its time zone, before a change and after', [again('0 23 * * *', 120, 'America/New_York')], [
  ['2026-03-08T04:00:00Z', true, '2026-03-08T06:00:00Z'],
  ['2026-03-08T12:00:00Z', false, '2026-03-09T03:00:00Z'],
  ['2026-11-01T03:30:00Z', true, '2026-11-01T05:00:00Z'],
  ['2026-11-01T12:00:00Z', false, '2026-11-02T04:00:00Z']
])

t.test('a window is endless where the next one begins before it ends, again and again', async t => {
  const now = at('2026-01-01T00:00:00Z')
  t.same([again('0 * * * *', 60), again('0 0 * * *', 1440), again('0 0 * * *', 1500)].map(one => isEndless(one, now)), [true, true, true])
  t.same([again('0 * * * *', 59), again('*/5 2 * * *', 30), once('2026-01-01T00:00:00Z', '2030-01-01T00:00:00Z')].map(one => isEndless(one, now)), [false, false, false])
})
