import type { Exchange } from './exchange.ts'
import { exchangePanel, statusBadge } from './exchange-page.ts'
import { document, html } from './html.ts'
import type { Html } from './html.ts'
import { lessons } from './lessons.ts'
import type { Lesson } from './lessons.ts'
import { tokenChip } from './token-words.ts'

/** Before the login: what this is, and one button. */
export function welcomePage (): string {
  return document('Addressbook', shell(html`
    <section class="card welcome">
      <h1>An address book whose addresses live in an ERP</h1>
      <p>This small SaaS keeps nothing itself. It calls the ERP’s API, and between the two stands <b>Countersign</b>:
        it proves who is calling, drops the caller’s token, and calls the ERP with its own.</p>
      <ol class="journey">
        ${stop('You', 'log in at the IdP')}${hop(html`<span class="token cookie">a cookie</span>`)}
        ${stop('SaaS', 'this page')}${hop(tokenChip('user'))}
        ${stop('Countersign', 'the gateway')}${hop(tokenChip('machine'))}
        ${stop('ERP', 'keeps the addresses')}
      </ol>
      <p><a class="button" href="/login">Log in</a></p>
      <p class="muted">You will be asked for a name and a password; two that work are shown there.</p>
    </section>`))
}

/** After the login: the last call taken apart, the addresses, and the lessons. */
export function homePage ({ name, csrf, list, last }: { name: string, csrf: string, list: Exchange, last?: Exchange }): string {
  const hidden = html`<input type="hidden" name="csrf" value="${csrf}">`
  const account = html`<form class="account" method="post" action="/logout">${hidden}<span>${name}</span><button class="quiet">Log out</button></form>`
  return document('Addressbook', shell(html`
    <h1 class="unseen">Addressbook</h1>
    ${last === undefined ? intro() : exchangePanel(last)}
    <div class="columns">
      <div>
        ${addressList(list)}
        <section class="card" aria-labelledby="new-address">
          <h2 id="new-address">New address</h2>
          <p class="muted">Goes out as <code>POST /addresses</code> with ${tokenChip('user')}</p>
          <form method="post" action="/addresses">${hidden}
            ${field('name', 'Name', 'name')}${field('street', 'Street', 'address-line1')}${field('city', 'City', 'address-level2')}
            <button>Create address</button>
          </form>
        </section>
      </div>
      <section class="card" aria-labelledby="lessons">
        <h2 id="lessons">Right and wrong tokens</h2>
        <p class="muted">Each button makes one call through the gateway.</p>
        <ul class="lessons">${lessons.filter(({ id }) => id !== 'create').map((lesson) => lessonButton(lesson, hidden))}</ul>
      </section>
    </div>`, account))
}

/** A page with one thing to say. */
export function messagePage (title: string, text: string): string {
  return document(title, shell(html`<section class="card welcome"><h1>${title}</h1><p>${text}</p><p><a class="button" href="/">Back to the address book</a></p></section>`))
}

function shell (content: Html, account?: Html): Html {
  return html`<header class="top"><a class="brand" href="/"><span aria-hidden="true">▤</span> Addressbook</a>${account}</header><main>${content}</main>`
}

function intro (): Html {
  return html`<section class="card hint"><p>You are logged in. The SaaS got two tokens for it: ${tokenChip('id')}, which told it your name, and
    ${tokenChip('user')}, to call the API with. Create an address, or press one of the buttons; what was sent, what the gateway
    answered, and what the ERP saw then shows up here.</p></section>`
}

function addressList ({ answer }: Exchange): Html {
  // The ERP behind the gateway is the demo's own and answers 200 with a list of addresses.
  const addresses = answer.status === 200 ? answer.body as { id: string, name: string, street: string, city: string, verified: boolean }[] : []
  return html`<section class="card" aria-labelledby="addresses">
    <h2 id="addresses">Addresses</h2>
    <p class="muted">Read by <code>GET /addresses</code> with ${tokenChip('user')} ${statusBadge(answer.status)}</p>
    <ul class="addresses">${addresses.map(({ id, name, street, city, verified }) => html`
      <li><span class="number">${id}</span><span><b>${name}</b><br>${street}, ${city}</span>${verified && html`<span class="verified">✓ verified</span>`}</li>`)}
    </ul></section>`
}

function lessonButton ({ id, title, token, method, path }: Lesson, hidden: Html): Html {
  return html`<li><form method="post" action="/lessons/${id}">${hidden}
    <button class="lesson"><b>${title}</b><span><code>${method} ${path}</code> ${tokenChip(token)}</span></button></form></li>`
}

function field (name: string, label: string, autocomplete: string): Html {
  return html`<label for="${name}">${label}</label><input id="${name}" name="${name}" autocomplete="${autocomplete}" maxlength="200" required>`
}

function stop (title: string, text: string): Html {
  return html`<li class="stop"><b>${title}</b><span>${text}</span></li>`
}

function hop (content: Html): Html {
  return html`<li class="hop">${content}</li>`
}
