import { useEffect, useRef, useState } from 'preact/hooks'
import type { Explanation } from '../../src/explain/explanation.ts'
import { Explained, Verdict } from './explanation.tsx'
import { gateway } from './gateway.ts'
import { Said } from './parts.tsx'
import { closeDecision } from './route.ts'

/** Why one was refused, over the page: Escape closes it, and what opened it has the focus again. */
export function Decision ({ id }: { readonly id: string }) {
  const dialog = useRef<HTMLDialogElement>(null)
  const [explanation, setExplanation] = useState<Explanation | undefined>(undefined)
  const [problem, setProblem] = useState<string | undefined>(undefined)

  useEffect(() => {
    const opener = document.activeElement
    dialog.current?.showModal()
    return () => { if (opener instanceof HTMLElement && opener.isConnected) opener.focus() }
  }, [])

  useEffect(() => {
    let over = false
    setExplanation(undefined)
    setProblem(undefined)
    gateway.decision(id).then(found => { if (!over) setExplanation(found) }, (error: unknown) => { if (!over) setProblem(error instanceof Error ? error.message : 'It cannot be had.') })
    return () => { over = true }
  }, [id])

  return (
    <dialog ref={dialog} aria-labelledby='decision-title' onClose={closeDecision} onClick={event => { if (event.target === dialog.current) dialog.current?.close() }}>
      <div class='sheet'>
        <header>
          <h2 id='decision-title' tabIndex={-1}>{explanation === undefined ? 'Why?' : <Said>{`${explanation.request.method} ${explanation.request.target}`}</Said>}</h2>
          <button type='button' class='quiet' aria-label='Close' onClick={() => { dialog.current?.close() }}>✕</button>
        </header>
        <div aria-live='polite'>
          {problem !== undefined && <p class='problem'>{problem}</p>}
          {explanation === undefined && problem === undefined && <p class='muted'>Asking …</p>}
          {explanation !== undefined && <Verdict explanation={explanation} />}
        </div>
        {explanation !== undefined && <Explained explanation={explanation} />}
        <p class='muted'>Decision <code>{id}</code></p>
      </div>
    </dialog>
  )
}
