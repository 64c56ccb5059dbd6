import { useEffect, useState } from 'preact/hooks'

/** The decision that the address asks for: `#/decisions/<id>`. */
export function useDecision (): string | undefined {
  const [id, setId] = useState(decisionOf(location.hash))
  useEffect(() => {
    const changed = (): void => { setId(decisionOf(location.hash)) }
    window.addEventListener('hashchange', changed)
    return () => { window.removeEventListener('hashchange', changed) }
  }, [])
  return id
}

export function linkTo (decision: string): string {
  return `#/decisions/${encodeURIComponent(decision)}`
}

/** Takes the decision out of the address, and leaves the page where it stands. */
export function closeDecision (): void {
  history.pushState(null, '', location.pathname + location.search)
  window.dispatchEvent(new HashChangeEvent('hashchange'))
}

function decisionOf (hash: string): string | undefined {
  const [, id] = /^#\/decisions\/([A-Za-z0-9-]{1,64})$/.exec(hash) ?? []
  return id
}
