import { useState } from 'react'

/** The secret of a one-time link, from the fragment, which no server or log sees. Taken out of the address bar at once. */
export function useLinkSecret(): string {
  const [secret] = useState(readSecret)
  return secret
}

function readSecret(): string {
  const fragment = new URLSearchParams(location.hash.slice(1))
  const secret: unknown = fragment.get('token') ?? history.state?.linkSecret
  if (typeof secret !== 'string') return ''
  history.replaceState({ ...history.state, linkSecret: secret }, '', location.pathname)
  return secret
}
