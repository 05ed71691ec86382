import { useQueryClient } from '@tanstack/react-query'
import { useEffect, useState } from 'react'

import { ApiError } from '#api/http.ts'
import { Notice } from '#ui/notice.tsx'

/** Says so while the platform does not answer, and goes away by itself once it does. */
export function ConnectionNotice() {
  if (!useIsUnreachable()) return null
  return (
    <Notice tone="warn" title="The platform does not answer">
      Your servers run on. This page tries again by itself.
    </Notice>
  )
}

function useIsUnreachable(): boolean {
  const client = useQueryClient()
  const [unreachable, setUnreachable] = useState(false)
  useEffect(() => {
    const cache = client.getQueryCache()
    return cache.subscribe(() => {
      const active = cache.findAll({ type: 'active' })
      setUnreachable(active.some(({ state }) => isUnreachable(state.fetchFailureReason ?? state.error)))
    })
  }, [client])
  return unreachable
}

function isUnreachable(error: unknown): boolean {
  return error instanceof ApiError && error.isPassing
}
