import type { IncomingMessage, ServerResponse } from 'node:http'
import type Provider from 'oidc-provider'
import { document, html, pageHeaders } from './html.ts'
import type { Html } from './html.ts'
import { readForm } from './form.ts'
import { users } from './people.ts'
import { style } from './style.ts'

/** The IdP's own pages: who is asked for a password, and by whom. */
export function loginPages (provider: Provider, saasUrl: string) {
  // The answer to the form ends, over redirects, at the SaaS, and Chromium holds form-action against each of them.
  const headers = pageHeaders([saasUrl])

  async function answer (request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.url === '/style.css') return void response.writeHead(200, { 'Content-Type': 'text/css; charset=utf-8' }).end(style)
    try {
      const { uid, params } = await provider.interactionDetails(request, response)
      if (request.method !== 'POST') return void response.writeHead(200, headers).end(page(uid, String(params.client_id)))
      const form = await readForm(request)
      const name = form.get('username') ?? ''
      if (users.get(name)?.password !== form.get('password')) {
        return void response.writeHead(401, headers).end(page(uid, String(params.client_id), name))
      }
      await provider.interactionFinished(request, response, { login: { accountId: name } }, { mergeWithLastSubmission: false })
    } catch {
      // The only way here is a login that was never begun in this browser, or begun too long ago.
      response.writeHead(400, headers).end(messagePage('This login is over', 'Start again at the SaaS.'))
    }
  }

  return {
    takes: (request: IncomingMessage): boolean => request.url === '/style.css' || request.url?.startsWith('/login/') === true,
    answer
  }
}

/** A page with one thing to say. */
export function messagePage (title: string, text: string): string {
  return document(title, card(html`<h1>${title}</h1><p>${text}</p>`))
}

const autofocus = html`autofocus`

function page (uid: string, client: string, failedName?: string): string {
  return document('Log in · Demo IdP', card(html`
    <h1>Log in</h1>
    <p class="muted">You came from <code>${client}</code>. It never sees your password: it gets a code, and with it an
      <b class="token id">ID token</b> (who you are) and an <b class="token user">access token</b> (a key to the API).</p>
    ${failedName !== undefined && html`<p class="alert" role="alert">That name and password do not match. Try one of those below.</p>`}
    <form method="post" action="/login/${uid}">
      <label for="username">Name</label>
      <input id="username" name="username" value="${failedName}" autocomplete="username" autocapitalize="none" spellcheck="false" required ${failedName === undefined && autofocus}>
      <label for="password">Password</label>
      <input id="password" name="password" type="password" autocomplete="current-password" required ${failedName !== undefined && autofocus}>
      <button>Log in</button>
    </form>
    <table class="people">
      <caption>Two people live in this demo</caption>
      <thead><tr><th scope="col">Name</th><th scope="col">Password</th><th scope="col">Who</th></tr></thead>
      <tbody>${[...users].map(([name, user]) => html`<tr><td><code>${name}</code></td><td><code>${user.password}</code></td><td>${user.name}</td></tr>`)}</tbody>
    </table>`))
}

function card (content: Html): Html {
  return html`<main class="login"><p class="brand"><span aria-hidden="true">◈</span> Demo IdP</p><div class="card">${content}</div></main>`
}
