import { useCallback, useRef } from 'react'

/** Leads to `target`, once: a second word that the server is ready must not begin the same navigation anew. */
export function useLeadOn(target: string, { replaces }: { replaces: boolean }): () => void {
  const isLeaving = useRef(false)
  return useCallback(() => {
    if (isLeaving.current) return
    isLeaving.current = true
    if (replaces) location.replace(target)
    else location.assign(target)
  }, [target, replaces])
}
