import fastifyStatic from '@fastify/static'
import type { FastifyInstance } from 'fastify'
import { fileURLToPath } from 'node:url'

/** Where the build puts the page: beside the code, whatever the folder that it runs in. */
const PAGE = fileURLToPath(new URL('../../page', import.meta.url))

/** Nothing but its own files, from its own place, in no frame; no markup is ever made of text. */
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

const HEADERS = {
  'Content-Security-Policy': POLICY,
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Permissions-Policy': 'camera=(), geolocation=(), microphone=()',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY'
}

/**
 * The console's files at /. There is nothing in them that is of this gateway: who may see that is the gate's to say, by
 * what the page asks for.
 */
export async function servePage (app: FastifyInstance): Promise<void> {
  await app.register(fastifyStatic, {
    root: PAGE,
    // The files that are there now, and no others.
    wildcard: false,
    decorateReply: false,
    dotfiles: 'ignore',
    redirect: false,
    cacheControl: false,
    setHeaders (reply, path) {
      for (const [name, value] of Object.entries(HEADERS)) reply.setHeader(name, value)
      // A file below assets/ has its content in its name.
      reply.setHeader('Cache-Control', path.includes('/assets/') ? 'public, max-age=31536000, immutable' : 'no-store')
    }
  })
}
