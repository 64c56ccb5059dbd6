import type { Exchange } from './exchange.ts'
import { html } from './html.ts'
import type { Html } from './html.ts'
import { clients } from './people.ts'
import { tellingClaims, tokenChip, wholeToken } from './token-words.ts'

/** One call taken apart: a line of stops that it came by, and what happened at each. */
export function exchangePanel (exchange: Exchange): Html {
  const { sent, answer, erp } = exchange
  const passed = wasLetThrough(exchange)
  return html`<section class="card" id="what-happened" aria-labelledby="what-happened-title">
    <h2 id="what-happened-title">What happened <code>${sent.method} ${sent.path}</code> ${statusBadge(answer.status)}</h2>
    <ol class="journey">
      <li class="stop"><b>SaaS</b><span>sends</span></li>
      <li class="hop">${tokenChip(sent.token)}</li>
      <li class="stop ${passed ? 'passed' : 'refused'}"><b>Countersign</b><span>${passed ? '✓ lets it through' : '✕ refuses'}</span></li>
      <li class="hop ${!passed && 'cut'}">${passed ? tokenChip('machine') : html`<span class="token none">nothing</span>`}</li>
      <li class="stop ${!passed && 'silent'}"><b>ERP</b><span>${passed ? `answers ${typeof erp === 'object' ? erp.status : answer.status}` : 'never asked'}</span></li>
    </ol>
    <div class="facts">${whatWasSent(exchange)}${whatWasAnswered(exchange)}${whatTheErpSaw(exchange)}</div>
  </section>`
}

export function statusBadge (status: number): Html {
  return html`<span class="status ${status < 400 ? 'good' : 'bad'}">${status}</span>`
}

function whatWasSent (exchange: Exchange): Html {
  const { sent } = exchange
  return html`<div><h3>The SaaS sent</h3>
    <p>${tokenChip(sent.token)}</p>
    ${sent.jwt === undefined
      ? html`<p>No <code>Authorization</code> header at all.</p>`
      : html`<dl>${tellingClaims(exchange).map(([name, value, says]) => html`<dt>${name}</dt><dd><code>${value}</code> <span class="muted">${says}</span></dd>`)}</dl>
        <details><summary>The whole token, decoded</summary><pre tabindex="0">${wholeToken(sent.jwt)}</pre></details>`}
    ${sent.body !== undefined && html`<details><summary>The body</summary><pre tabindex="0">${JSON.stringify(sent.body, null, 2)}</pre></details>`}
  </div>`
}

function whatWasAnswered (exchange: Exchange): Html {
  const { answer, why } = exchange
  const { title, detail } = problem(answer.body)
  return html`<div><h3>The gateway answered</h3>
    <p>${statusBadge(answer.status)} ${title ?? (wasLetThrough(exchange) ? 'the ERP’s answer, as it is' : '')}</p>
    ${detail !== undefined && html`<p class="detail">${detail}</p>`}
    ${why !== undefined && html`<p class="muted">${why}</p>`}
    ${answer.challenge !== undefined && html`<h4>WWW-Authenticate</h4><pre class="challenge" tabindex="0">${answer.challenge}</pre>`}
    <details><summary>The whole answer</summary><pre tabindex="0">${JSON.stringify(answer.body, null, 2)}</pre></details>
  </div>`
}

function whatTheErpSaw (exchange: Exchange): Html {
  const { erp } = exchange
  if (erp === 'elsewhere') {
    return html`<div><h3>The ERP saw</h3>
      <p>${guess(exchange)} The SaaS cannot ask it from here; its log has a line for each call.</p></div>`
  }
  if (erp === undefined) return html`<div><h3>The ERP saw</h3><p>Nothing. The gateway refused before it called the ERP.</p></div>`
  return html`<div><h3>The ERP saw</h3>
    <p>${tokenChip('machine')}</p>
    <dl>
      <dt>request</dt><dd><code>${erp.method} ${erp.url}</code></dd>
      <dt>client_id</dt><dd><code>${String(erp.machine?.client_id)}</code> <span class="muted">${erp.machine?.client_id === clients.middleware.id ? 'the gateway, as itself' : 'somebody else'}</span></dd>
      <dt>aud</dt><dd><code>${String(erp.machine?.aud)}</code> <span class="muted">made for the ERP</span></dd>
      <dt>scope</dt><dd><code>${String(erp.machine?.scope)}</code></dd>
    </dl>
    ${erp.foreignTokens.length === 0
      ? html`<p class="good">✓ No token of the caller arrived.</p>`
      : html`<p class="alert">A foreign token arrived in: ${erp.foreignTokens.join(', ')}</p>`}
    <details><summary>Headers that arrived</summary><pre tabindex="0">${erp.headers.join('\n')}</pre></details>
  </div>`
}

function guess (exchange: Exchange): string {
  if (wasLetThrough(exchange)) return 'The gateway’s call.'
  return exchange.answer.status < 500 ? 'Nothing. The gateway refused before it called the ERP.' : 'Perhaps nothing: the gateway has no answer of it to pass on.'
}

// Of an ERP that cannot be asked, the answer tells: what the gateway refuses is a problem document, what this ERP says never is.
function wasLetThrough ({ erp, answer }: Exchange): boolean {
  return erp === 'elsewhere' ? problem(answer.body).title === undefined : erp !== undefined
}

function problem (body: unknown): { title?: string, detail?: string } {
  const { title, detail }: { title?: unknown, detail?: unknown } = typeof body === 'object' && body !== null ? body : {}
  return { title: typeof title === 'string' ? title : undefined, detail: typeof detail === 'string' ? detail : undefined }
}
