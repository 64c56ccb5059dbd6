// The same with @fastify/jwt and get-jwks as their READMEs show.
import Fastify from 'fastify'
import httpProxy from '@fastify/http-proxy'
import jwt from '@fastify/jwt'
import buildGetJwks from 'get-jwks'

const getJwks = buildGetJwks()
const server = Fastify()
server.register(jwt, {
  decode: { complete: true },
  secret: (_request, token) => getJwks.getPublicKey({ kid: token.header.kid, domain: token.payload.iss, alg: token.header.alg })
})
server.register(httpProxy, {
  upstream: process.env.ERP,
  preHandler: request => request.jwtVerify()
})
await server.listen({ port: Number(process.env.PORT), host: '127.0.0.1' })
