// The stack that Auth0's documentation leads to.
import express from 'express'
import { auth, requiredScopes } from 'express-oauth2-jwt-bearer'
import { createProxyMiddleware } from 'http-proxy-middleware'
import { Agent } from 'node:http'

const app = express()
app.use(auth({ issuerBaseURL: process.env.ISSUER, audience: process.env.AUDIENCE, tokenSigningAlg: 'RS256' }))
app.use('/scoped', requiredScopes('admin'))
app.use(createProxyMiddleware({ target: process.env.ERP, changeOrigin: true, agent: new Agent({ keepAlive: true }) }))
app.listen(Number(process.env.PORT), '127.0.0.1')
