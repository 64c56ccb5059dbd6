import { useState } from 'preact/hooks'
import { showToken } from './gateway.ts'

/** Asks for admin.token. It is kept in memory: a page that is loaded again asks again. */
export function Entry ({ wasShown, onShown }: { readonly wasShown: boolean, readonly onShown: () => void }) {
  const [token, setToken] = useState('')
  return (
    <form
      class='entry'
      autoComplete='off'
      onSubmit={event => {
        event.preventDefault()
        showToken(token)
        setToken('')
        onShown()
      }}
    >
      <h2>This gateway wants its admin token</h2>
      <p class='about'>It is <code>admin.token</code> of gateway.yaml. This page keeps it until it is closed or loaded again.</p>
      <label>Admin token <input type='password' value={token} required autoComplete='off' autoFocus aria-describedby={wasShown ? 'entry-problem' : undefined} aria-invalid={wasShown} onInput={event => { setToken(event.currentTarget.value) }} /></label>
      <p id='entry-problem' role='alert' class='problem'>{wasShown && 'That is not its token.'}</p>
      <button type='submit' class='primary'>Look</button>
    </form>
  )
}
