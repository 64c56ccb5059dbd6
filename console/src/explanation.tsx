import type { ComponentChildren } from 'preact'
import type { AlternativeSeen, Explanation, Step } from '../../src/explain/explanation.ts'
import { TOKEN_WORDS } from '../../src/explain/token-words.ts'
import { Badge, Said } from './parts.tsx'

/** The verdict in one line: the gateway's own word. */
export function Verdict ({ explanation: { passes, status, code, reported } }: { readonly explanation: Explanation }) {
  if (reported !== undefined) return <p class='verdict'><Badge standing='warning'>let through</Badge> would be <b>{reported.status} {reported.code}</b>, but the rule only reports</p>
  return passes
    ? <p class='verdict'><Badge standing='good'>would pass</Badge></p>
    : <p class='verdict'><Badge standing='bad'>is refused</Badge> <b>{status} {code}</b></p>
}

/** An explanation as `countersign explain` prints it. */
export function Explained ({ explanation }: { readonly explanation: Explanation }) {
  const { detail, remedy } = explanation.reported ?? explanation
  const { rule, steps, alternatives, upstream, notes } = explanation
  return (
    <div class='explained'>
      {detail !== undefined && <p><Said>{detail}</Said></p>}
      {remedy !== undefined && <p class='remedy'><b>What to do</b> <Said>{remedy}</Said></p>}
      <dl>
        {rule !== undefined && <Part name='Rule'><code><Said>{rule.match}</Said></code> <span class='muted'>{rule.at}</span><br />for <Said>{rule.who}</Said></Part>}
        <Token explanation={explanation} />
        <Caller explanation={explanation} />
        <Part name='Checks'><Steps steps={steps} /></Part>
        {alternatives.length > 0 && <Part name='The rule asks for'>{alternatives.map((alternative, at) => <Alternative key={at} alternative={alternative} />)}</Part>}
        {upstream !== undefined && (
          <Part name='The ERP gets'>
            <code><Said>{`${upstream.method} ${upstream.target}`}</Said></code> <span class='muted'>upstream {upstream.name}</span>
            <ul class='plain'>{upstream.headers.map(([name, value], at) => <li key={at}><code><Said>{`${name}: ${value}`}</Said></code></li>)}</ul>
          </Part>
        )}
        {notes.length > 0 && <Part name='Note'>{notes.map(note => <p key={note} class='muted'><Said>{note}</Said></p>)}</Part>}
      </dl>
    </div>
  )
}

function Part ({ name, children }: { readonly name: string, readonly children: ComponentChildren }) {
  return <div><dt>{name}</dt><dd>{children}</dd></div>
}

function Token ({ explanation: { token } }: { readonly explanation: Explanation }) {
  if (token === undefined) return null
  const { kind, issuer, header, ends } = token
  const facts = [TOKEN_WORDS[kind], issuer === undefined ? undefined : `of issuer ${issuer}`, ...Object.entries(header).map(([name, value]) => `${name} ${value}`), ends === undefined ? undefined : `ends ${ends}`]
  return <Part name='Token'><Said>{facts.filter(fact => fact !== undefined).join(', ')}</Said></Part>
}

function Caller ({ explanation: { principal } }: { readonly explanation: Explanation }) {
  if (principal === undefined) return null
  const { kind, subject, client, scopes, permissions, roles, evidence } = principal
  return (
    <Part name='Caller'>
      <b>{kind}</b>{client !== undefined && <>, client <Said>{client}</Said></>}{subject !== undefined && <>, subject <Said>{subject}</Said></>}
      {Object.entries({ scopes, permissions, roles }).map(([name, list]) => list.length > 0 && <div key={name}>{name} <code><Said>{list.join(' ')}</Said></code></div>)}
      <ul class='plain muted'>{evidence.map(({ claim, value, says, strength }, at) => <li key={at}>{strength} <code><Said>{value === undefined ? claim : `${claim} ${JSON.stringify(value)}`}</Said></code>: {says}</li>)}</ul>
    </Part>
  )
}

const MARKS = { pass: ['✓', 'holds'], fail: ['✗', 'fails'], open: ['·', 'not looked at'] } as const

function Steps ({ steps }: { readonly steps: readonly Step[] }) {
  return (
    <ul class='steps'>
      {steps.map(({ name, outcome, saw }, at) => (
        <li key={at} class={outcome}><span role='img' aria-label={MARKS[outcome][1]}>{MARKS[outcome][0]}</span> <b>{name}</b> <span><Said>{saw}</Said></span></li>
      ))}
    </ul>
  )
}

function Alternative ({ alternative: { who, holds, ofThisKind, steps } }: { readonly alternative: AlternativeSeen }) {
  return (
    <div class='alternative'>
      <p><span role='img' aria-label={holds ? 'holds' : 'fails'} class={holds ? 'pass' : 'fail'}>{holds ? '✓' : '✗'}</span> <Said>{who}</Said>{!ofThisKind && <span class='muted'> (another kind of caller)</span>}</p>
      {steps.length > 0 && <Steps steps={steps} />}
    </div>
  )
}
