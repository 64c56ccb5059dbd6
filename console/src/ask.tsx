import { useRef, useState } from 'preact/hooks'
import type { Explanation } from '../../src/explain/explanation.ts'
import { Explained, Verdict } from './explanation.tsx'
import { gateway, type Question } from './gateway.ts'
import { Section } from './parts.tsx'

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS']

/** "Why?": a request that somebody has in mind, with a token or claims. What is pasted is here, and in the question; nowhere else. */
export function Ask () {
  const form = useRef<HTMLFormElement>(null)
  const [explanation, setExplanation] = useState<Explanation | undefined>(undefined)
  const [problem, setProblem] = useState<string | undefined>(undefined)
  const [asking, setAsking] = useState(false)

  async function ask (data: FormData): Promise<void> {
    setExplanation(undefined)
    setProblem(undefined)
    const question = questionOf(data)
    if (typeof question === 'string') {
      setProblem(question)
      return
    }
    setAsking(true)
    try {
      setExplanation(await gateway.explain(question))
    } catch (error) {
      setProblem(error instanceof Error ? error.message : 'It could not be asked.')
    }
    setAsking(false)
  }

  function forget (): void {
    form.current?.reset()
    setExplanation(undefined)
    setProblem(undefined)
  }

  return (
    <Section id='ask' title='Ask why' about='By the rules and keys in use, with the checks of a real request; nothing is sent to the ERP, and no limit is counted. What you paste goes to this gateway alone. It is not stored, there or here.'>
      <form ref={form} class='ask' autoComplete='off' onSubmit={event => { event.preventDefault(); void ask(new FormData(event.currentTarget)) }}>
        <div class='line'>
          <label>Method <select name='method'>{METHODS.map(method => <option key={method}>{method}</option>)}</select></label>
          <label class='wide'>Path and query <input name='target' required placeholder='/addresses/17' spellcheck={false} autoCapitalize='off' autoComplete='off' /></label>
        </div>
        <label>Token, or claims as JSON <textarea name='shown' rows={5} spellcheck={false} autoCapitalize='off' autoComplete='off' placeholder={'eyJhbGciOi…   or   { "iss": "https://…", "sub": "…" }   or nothing'} /></label>
        <details>
          <summary>More of the request</summary>
          <label>Headers, one on a line <textarea name='headers' rows={2} spellcheck={false} autoComplete='off' placeholder='Host: api.example.com' /></label>
          <div class='line'>
            <label>Header of the token, with claims <input name='header' spellcheck={false} autoComplete='off' placeholder='{ "typ": "at+jwt" }' /></label>
            <label>Issuer’s name, with claims <input name='issuer' spellcheck={false} autoComplete='off' placeholder='main' /></label>
            <label>Caller’s address <input name='address' spellcheck={false} autoComplete='off' placeholder='127.0.0.1' /></label>
          </div>
        </details>
        <div class='line'>
          <button type='submit' class='primary' disabled={asking}>Why?</button>
          <button type='button' onClick={forget}>Forget it</button>
        </div>
      </form>
      <div aria-live='polite' class='answer'>
        {problem !== undefined && <p class='problem'>{problem}</p>}
        {explanation !== undefined && <Verdict explanation={explanation} />}
      </div>
      {explanation !== undefined && <Explained explanation={explanation} />}
    </Section>
  )
}

/** @returns what is wrong with it, in words, where it is no question */
function questionOf (data: FormData): Question | string {
  const text = (name: string): string => {
    const value = data.get(name)
    return typeof value === 'string' ? value.trim() : ''
  }
  const shown = text('shown')
  const headers = text('headers').split('\n').filter(line => line.trim() !== '').map(line => {
    const [name = '', ...value] = line.split(':')
    return [name.trim(), value.join(':').trim()] as const
  })
  const claims = shown.startsWith('{') ? parsed(shown) : undefined
  const header = text('header') === '' ? undefined : parsed(text('header'))
  if (shown.startsWith('{') && claims === undefined) return 'The claims are no JSON.'
  if (text('header') !== '' && header === undefined) return 'The header of the token is no JSON.'
  return {
    method: text('method'),
    target: text('target'),
    ...headers.length > 0 && { headers },
    ...claims !== undefined ? { claims, ...header !== undefined && { header }, ...text('issuer') !== '' && { issuer: text('issuer') } } : shown !== '' && { token: bare(shown) },
    ...text('address') !== '' && { address: text('address') }
  }
}

// As it is copied from a request, or from a curl line.
function bare (token: string): string {
  return token.replace(/^(?:Authorization:\s*)?Bearer\s+/i, '')
}

function parsed (json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}
