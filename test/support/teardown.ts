/** What the support needs of a tap test: `t` itself, the root's or a subtest's. */
export interface TestContext {
  teardown (fn: () => unknown): unknown
}

const pending = new WeakMap<TestContext, Array<() => unknown>>()

/**
 * Runs `fn` when the test is over, the last one registered first.
 *
 * tap's own t.teardown forgets every other handler once one of them throws, and a server that is
 * then left open hangs the file until its time limit. Here all of them run, and the first error
 * fails the test at the end.
 */
export function tearDown (t: TestContext, fn: () => unknown): void {
  const known = pending.get(t)
  if (known !== undefined) {
    known.push(fn)
    return
  }
  const handlers = [fn]
  pending.set(t, handlers)
  t.teardown(async () => await runAll(handlers))
}

async function runAll (handlers: Array<() => unknown>): Promise<void> {
  const errors: unknown[] = []
  for (let fn = handlers.pop(); fn !== undefined; fn = handlers.pop()) {
    try {
      await fn()
    } catch (error) {
      errors.push(error)
    }
  }
  if (errors.length > 0) throw errors[0]
}
