// What Node itself costs: node:http in front, undici's dispatch behind, no question asked.
import { createServer } from 'node:http'
import { Pool } from 'undici'

const pool = new Pool(process.env.ERP)
const hop = new Set(['host', 'connection', 'keep-alive', 'transfer-encoding'])
const passing = headers => headers.filter((_part, at) => !hop.has(headers[at - at % 2].toLowerCase()))

createServer((request, response) => {
  const hasBody = request.method === 'POST'
  let resume
  pool.dispatch({ path: request.url, method: request.method, headers: passing(request.rawHeaders), body: hasBody ? request : null }, {
    onConnect () {},
    onHeaders (status, headers, resumeRead) {
      resume = resumeRead
      response.writeHead(status, passing(headers.map(String)))
      return true
    },
    onData (chunk) {
      const flowing = response.write(chunk)
      if (!flowing) response.once('drain', resume)
      return flowing
    },
    onComplete () { response.end() },
    onError () { response.destroy() }
  })
}).listen(Number(process.env.PORT), '127.0.0.1')
