import { resourceFromAttributes } from '@opentelemetry/resources'
import type { IncomingMessage } from 'node:http'
import t from 'tap'
import type { Configuration } from '../../src/config/configuration.ts'
import { AuditRecord } from '../../src/observe/audit.ts'
import { createTracing } from '../../src/observe/otlp-traces.ts'

const incoming = { headers: {}, httpVersion: '1.1', socket: {} } as unknown as IncomingMessage
const configuration = { routes: [] } as unknown as Configuration

t.test('past four thousand spans that wait, on their way or not, more are dropped and counted; then all goes on', async t => {
  const counted: Record<string, number> = { sent: 0, failed: 0, dropped: 0 }
  let answer: ((refused: number) => void) | undefined
  let answersAtOnce = false
  const sizes: number[] = []
  const tracing = createTracing({
    settings: { sample: 1, follow_caller: true, subject: false },
    resource: resourceFromAttributes({}),
    sender: {
      send: (_signal, _body, items) => {
        sizes.push(items)
        return answersAtOnce ? Promise.resolve(0) : new Promise(resolve => { answer = resolve })
      }
    },
    onSpans: (outcome, count) => { counted[outcome] = (counted[outcome] ?? 0) + count }
  })
  const spans = (count: number): void => {
    for (let at = 0; at < count; at++) {
      const record = new AuditRecord('1', 'GET')
      tracing.begin(incoming, record)?.end(record, 200, configuration)
    }
  }
  spans(10_000)
  t.same(counted, { sent: 0, failed: 0, dropped: 10_000 - 4096 })
  t.same(sizes, [512], 'one request at a time')
  answersAtOnce = true
  answer?.(2)
  await tracing.close()
  t.same(counted, { sent: 4094, failed: 2, dropped: 10_000 - 4096 }, 'each once')
  t.ok(sizes.every(size => size <= 512))
})

t.test('what cannot be written as a span is not, and whoever calls hears nothing', async t => {
  const tracing = createTracing({ settings: { sample: 1, follow_caller: true, subject: false }, resource: resourceFromAttributes({}), sender: { send: async () => 0 }, onSpans () {} })
  const record = new AuditRecord('1', 'GET')
  t.equal(tracing.begin({ headers: {}, get socket (): never { throw new Error('broken') } } as unknown as IncomingMessage, record), undefined)
  const trace = tracing.begin(incoming, record)
  t.equal(trace?.attempt('no url'), undefined)
  record.rule = { id: 'a', at: 'b' }
  t.doesNotThrow(() => { trace?.end(record, 200, { get routes (): never { throw new Error('broken') } } as unknown as Configuration) })
  await tracing.close()
})
