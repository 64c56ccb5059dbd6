import fastify from 'fastify'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import type { GatewayCaller } from './exchange.ts'
import { pageHeaders } from './html.ts'
import { lessons } from './lessons.ts'
import type { TokenName } from './lessons.ts'
import { beginLogin, discover, endLogin } from './oauth.ts'
import { clients } from './people.ts'
import { homePage, messagePage, welcomePage } from './saas-pages.ts'
import { isOwnForm, Sessions } from './saas-session.ts'
import type { Session } from './saas-session.ts'
import type { Site } from './site.ts'
import { style } from './style.ts'

export interface SaasDependencies {
  readonly issuer: string
  readonly callGateway: GatewayCaller
  /** The SaaS's own tokens, by client credentials. */
  readonly ownToken: (client: 'saas' | 'readonly') => Promise<string>
}

type Form = Readonly<Record<string, string | undefined>>

/**
 * Serves the SaaS at `site`: log-in with the IdP, a list of addresses and a form for a new one, both through the
 * gateway with the user's access token, and a button for every lesson. Pages are HTML made here; nothing runs in
 * the browser. Sessions live in memory under an HttpOnly cookie; tokens never reach the browser.
 */
export async function serveSaas (site: Site, { issuer, callGateway, ownToken }: SaasDependencies): Promise<void> {
  const web = await discover(issuer, clients.web)
  const redirectUri = `${site.url}${clients.web.redirectPath}`
  const sessions = new Sessions()
  const app = fastify({ logger: false, bodyLimit: 16_384 })

  // Forms alone: a body of any other type is a 415.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) => {
    done(null, Object.fromEntries(new URLSearchParams(String(body))))
  })
  app.addHook('onRequest', async (_request, reply) => { reply.headers(pageHeaders()) })
  app.setErrorHandler<FastifyError>(({ statusCode = 500 }, _request, reply) => {
    return reply.code(statusCode).send(messagePage('Something broke', statusCode < 500 ? 'The SaaS does not understand this request.' : 'The SaaS could not do that. Does the gateway run?'))
  })
  app.setNotFoundHandler((_request, reply) => reply.code(404).send(messagePage('Nothing here', 'The SaaS has no such page.')))

  app.get('/style.css', (_request, reply) => reply.type('text/css; charset=utf-8').send(style))

  app.get('/', async (request, reply) => {
    const session = sessions.find(request.headers.cookie)
    if (session?.login === undefined) return reply.send(welcomePage())
    const list = await callGateway({ method: 'GET', path: '/addresses' }, 'user', session.login.accessToken)
    return reply.send(homePage({ name: session.login.name, csrf: session.csrf, list, last: session.last }))
  })

  app.get('/login', async (_request, reply) => {
    const { url, pending } = await beginLogin(web, redirectUri)
    return reply.header('Set-Cookie', sessions.begin({ pending })).redirect(url.href)
  })

  app.get(clients.web.redirectPath, async (request, reply) => {
    const pending = sessions.find(request.headers.cookie)?.pending
    // The state is bound to this browser's session, so that nobody can log others in as themselves.
    const login = pending && await endLogin(web, new URL(request.url, site.url), pending).catch(() => undefined)
    const forget = sessions.end(request.headers.cookie)
    if (login === undefined) return reply.code(400).header('Set-Cookie', forget).send(messagePage('That login did not fit', 'It was not begun in this browser, or too long ago.'))
    return reply.header('Set-Cookie', sessions.begin({ login })).redirect('/')
  })

  app.post('/logout', async (request, reply) => {
    if (ownForm(request) === undefined) return foreignForm(reply)
    return reply.header('Set-Cookie', sessions.end(request.headers.cookie)).redirect('/', 303)
  })

  app.post('/addresses', async (request, reply) => {
    const own = ownForm(request)
    if (own === undefined) return foreignForm(reply)
    const { name = '', street = '', city = '' } = own.form
    own.session.last = await callGateway({ method: 'POST', path: '/addresses', body: { name, street, city } }, 'user', own.login.accessToken, lessons[0]?.why)
    return reply.redirect('/#what-happened', 303)
  })

  app.post<{ Params: { id: string } }>('/lessons/:id', async (request, reply) => {
    const own = ownForm(request)
    if (own === undefined) return foreignForm(reply)
    const lesson = lessons.find(({ id }) => id === request.params.id)
    if (lesson === undefined) return reply.callNotFound()
    own.session.last = await callGateway(lesson, lesson.token, await tokenOf(own.session, lesson.token), lesson.why)
    return reply.redirect('/#what-happened', 303)
  })

  function ownForm (request: FastifyRequest) {
    const session = sessions.find(request.headers.cookie)
    // The only parser above gives an object of strings; a request without a body has none.
    const form = (request.body ?? {}) as Form
    return session?.login !== undefined && isOwnForm(session, form.csrf) ? { session, login: session.login, form } : undefined
  }

  async function tokenOf ({ login }: Session, token: TokenName): Promise<string | undefined> {
    if (token === 'user') return login?.accessToken
    if (token === 'id') return login?.idToken
    return token === 'none' ? undefined : ownToken(token)
  }

  await app.ready()
  site.serve((request, response) => app.routing(request, response))
}

function foreignForm (reply: FastifyReply) {
  return reply.code(403).send(messagePage('This form has expired', 'You are not logged in any more, or the form came from another site.'))
}
