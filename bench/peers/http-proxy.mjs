// @fastify/http-proxy as its README shows.
import Fastify from 'fastify'
import httpProxy from '@fastify/http-proxy'

const server = Fastify()
server.register(httpProxy, { upstream: process.env.ERP, http2: false })
await server.listen({ port: Number(process.env.PORT), host: '127.0.0.1' })
