import { tearDown, type TestContext } from '../support/teardown.ts'

/** A clock of the test's in place of performance.now(), as long as the test runs. */
export function holdClock (t: TestContext, now: number): { now: number } {
  const clock = { now }
  // What the prototype has is found again when this is gone. (tap's intercept keeps a stack for every look at a clock.)
  performance.now = () => clock.now
  tearDown(t, () => Reflect.deleteProperty(performance, 'now'))
  return clock
}
