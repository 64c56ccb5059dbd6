import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { Worker } from 'node:worker_threads'
import { tearDown, type TestContext } from '../support/teardown.ts'

/** What listens and then stands still for good: nobody accepts what the kernel has queued. */
const STANDS_STILL = `
  const { createServer } = require('node:net')
  const { parentPort, workerData } = require('node:worker_threads')
  const server = createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
    parentPort.postMessage(server.address().port)
    setTimeout(() => Atomics.wait(new Int32Array(workerData), 0, 0), 50)
  })
`

/** An address on which a connection attempt gets no answer at all, as behind a firewall that drops packets. */
export async function startBlackHole (t: TestContext): Promise<{ readonly origin: string, close (): Promise<void> }> {
  const lock = new SharedArrayBuffer(4)
  const worker = new Worker(STANDS_STILL, { eval: true, workerData: lock })
  const [port] = await once(worker, 'message') as [number]
  const fillers: Socket[] = []
  async function close (): Promise<void> {
    for (const socket of fillers) socket.destroy()
    Atomics.store(new Int32Array(lock), 0, 1)
    Atomics.notify(new Int32Array(lock), 0)
    await worker.terminate()
  }
  tearDown(t, close)
  await new Promise(resolve => { setTimeout(resolve, 200) })
  // Its queue is full once an attempt to connect stays open.
  for (let full = false; !full;) {
    const socket = connect({ port, host: '127.0.0.1' })
    socket.on('error', () => {})
    fillers.push(socket)
    full = await new Promise(resolve => {
      socket.once('connect', () => { resolve(false) })
      setTimeout(() => { resolve(true) }, 300).unref()
    })
  }
  return { origin: `http://127.0.0.1:${port}`, close }
}
