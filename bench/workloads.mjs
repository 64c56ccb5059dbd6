// What callers do. Each is a script for wrk: which tokens it takes in turn, and the request.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

export const workloads = {
  a: { title: '1,000 live tokens, GET, 90-byte answer', tokens: 'live', path: '/addresses/7', status: 200 },
  b: { title: 'one token', tokens: 'one', path: '/addresses/7', status: 200 },
  c: { title: 'a token never seen before on each request', tokens: 'fresh', path: '/addresses/7', status: 200, fresh: true },
  d: { title: 'POST of 2 KiB', tokens: 'live', method: 'POST', path: '/addresses', body: 2048, status: 200 },
  e: { title: 'answers of 64 KiB', tokens: 'live', path: '/large', status: 200 },
  'f-expired': { title: 'refused: expired token', tokens: 'expired', path: '/addresses/7', status: 401 },
  'f-scope': { title: 'refused: scope missing', tokens: 'scope', path: '/scoped/7', status: 403 },
  'f-kid': { title: 'refused: unknown kid', tokens: 'kid', path: '/addresses/7', status: 401 }
}

/** Writes the script; returns its path. @param tokens the file of tokens, where it is not the workload's own */
export function writeScript (dir, name, tokens = workloads[name].tokens) {
  const { method = 'GET', path, body = 0 } = workloads[name]
  const file = join(dir, `${name}.lua`)
  writeFileSync(file, `
local tokens = {}
for line in io.lines('${join(dir, `${tokens}.txt`)}') do tokens[#tokens + 1] = 'Bearer ' .. line end
local at = 0
local body = ${body === 0 ? 'nil' : `string.rep('x', ${body})`}
request = function ()
  at = at % #tokens + 1
  return wrk.format('${method}', '${path}', { ['Authorization'] = tokens[at], ['Accept'] = 'application/json', ['User-Agent'] = 'bench/1'${body === 0 ? '' : ", ['Content-Type'] = 'application/json'"} }, body)
end
done = function (summary, latency)
  local e = summary.errors
  io.write(string.format('RESULT {"requests":%d,"duration":%d,"p50":%d,"p99":%d,"status":%d,"connect":%d,"read":%d,"write":%d,"timeout":%d}\\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), e.status, e.connect, e.read, e.write, e.timeout))
end`)
  return file
}
