// One measurement: CPU time of a process tree over the requests that it served, from /proc, while wrk calls.
import { execFile } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { promisify } from 'node:util'

const run = promisify(execFile)
const TICK = 1e6 / 100

/** µs of CPU that the process and all below it have used, the dead included. */
export function cpuOf (pid) {
  return treeOf(pid).reduce((sum, one) => sum + statOf(one), 0)
}

/** KiB, the most that the tree's processes held at a time. */
export function peakOf (pid) {
  return treeOf(pid).reduce((sum, one) => sum + Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${one}/status`, 'utf8'))?.[1] ?? 0), 0)
}

export function residentOf (pid) {
  return treeOf(pid).reduce((sum, one) => sum + Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${one}/status`, 'utf8'))?.[1] ?? 0), 0)
}

/** @returns {{ cpu: number, rate: number, p50: number, p99: number, errors: number, requests: number }} µs per request, requests/s, µs */
export async function measure ({ pid, port, script, seconds, connections = 32 }) {
  const before = cpuOf(pid)
  const { stdout } = await run('taskset', ['-c', '1', 'wrk', '-t1', `-c${connections}`, `-d${seconds}`, '-s', script, `http://127.0.0.1:${port}`])
  const used = cpuOf(pid) - before
  const result = JSON.parse(/RESULT (.*)/.exec(stdout)[1])
  return { cpu: used / result.requests, rate: result.requests / (result.duration / 1e6), p50: result.p50, p99: result.p99, errors: result.status, broken: result.connect + result.read + result.write + result.timeout, requests: result.requests }
}

function statOf (pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '').split(' ')
  // utime, stime, and those of children that were waited for
  return (Number(fields[11]) + Number(fields[12]) + Number(fields[13]) + Number(fields[14])) * TICK
}

function treeOf (pid) {
  const children = readdirSync(`/proc/${pid}/task`).flatMap(task => readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').trim().split(' ').filter(Boolean))
  return [pid, ...children.flatMap(child => treeOf(Number(child)))]
}
