import type { FastifyReply, FastifyRequest } from 'fastify'
import { createHash, timingSafeEqual } from 'node:crypto'
import type { Admin } from '../config/gateway-schema.ts'
import { isLoopback } from '../config/urls.ts'

/** Whether there is a console: where it is not said, on loopback, and where a token keeps strangers from what it shows. */
export function hasConsole ({ console, host, token }: Admin): boolean {
  return console ?? (isLoopback(host) || token !== undefined)
}

/** Lets a request at the admin port pass, or answers it. */
export type AdminGate = (request: FastifyRequest, reply: FastifyReply) => Promise<void>

/**
 * Who may look into the gateway by its admin port: whoever has `admin.token`; where there is none, whoever is on this
 * machine and asks by an address of it. A page of another site that a browser on this machine shows can ask as well: it is
 * told apart by the name that it asks for (DNS rebinding), by its `Origin`, and by a body that only a script may send.
 */
export function createAdminGate ({ host, token }: Pick<Admin, 'host' | 'token'>): AdminGate {
  const wanted = token === undefined ? undefined : digest(token.reveal())
  const isLocal = isLoopback(host)
  return async (request, reply) => {
    const problem = isOfAnotherSite(request) ?? (wanted === undefined ? whyNotLocal(request, isLocal) : whyNotBearer(request, wanted))
    if (problem === undefined) return
    if (problem === UNAUTHORIZED) reply.header('WWW-Authenticate', 'Bearer realm="countersign-admin"')
    await reply.code(problem === UNAUTHORIZED ? 401 : 403).send({ error: problem })
  }
}

const UNAUTHORIZED = 'This wants Authorization: Bearer and the admin.token of gateway.yaml.'
const NOT_HERE = 'Off loopback this wants admin.token in gateway.yaml.'
const OTHER_NAME = 'Ask by 127.0.0.1, ::1 or localhost.'
const OTHER_SITE = 'Pages of other sites may not ask this.'

function isOfAnotherSite ({ headers, method }: FastifyRequest): string | undefined {
  const { 'sec-fetch-site': site, origin, host } = headers
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return OTHER_SITE
  if (origin !== undefined && origin !== `http://${host ?? ''}` && origin !== `https://${host ?? ''}`) return OTHER_SITE
  // What a form can send needs no leave of the browser's.
  if (method === 'POST' && headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase() !== 'application/json') return 'Send JSON, as application/json.'
  return undefined
}

function whyNotLocal ({ hostname }: FastifyRequest, isLocal: boolean): string | undefined {
  if (!isLocal) return NOT_HERE
  return isLoopback(hostname.replace(/^\[|\]$/g, '')) ? undefined : OTHER_NAME
}

function whyNotBearer ({ headers: { authorization = '' } }: FastifyRequest, wanted: Buffer): string | undefined {
  const sent = /^Bearer +(.+)$/i.exec(authorization)?.[1] ?? ''
  return timingSafeEqual(digest(sent), wanted) ? undefined : UNAUTHORIZED
}

// Equally long whatever was sent: the time that the comparison takes tells nothing.
function digest (text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
