import { useIsFetching, useQueryClient } from '@tanstack/react-query'
import { type ReactNode, useEffect, useState } from 'react'

import { Skeleton } from '#ui/skeleton.tsx'

/** Queries that nobody has an answer of yet. */
const firstLoads = {
  predicate: ({ state }: { state: { status: string } }) => state.status === 'pending',
}

/**
 * Shows its parts together once each has loaded for the first time. Parts of a height that nobody knows before would otherwise push one
 * another down the page while a person already reads or points.
 */
export function AllAtOnce({ children }: { children: ReactNode }) {
  const client = useQueryClient()
  const loading = useIsFetching(firstLoads)
  const [isShown, setShown] = useState(false)
  useEffect(() => {
    if (loading > 0) return
    // Asked anew, and later: what this page and its parts begin to load in this very commit is not in `loading` yet.
    queueMicrotask(() => {
      if (client.isFetching(firstLoads) === 0) setShown(true)
    })
  }, [loading, client])
  return (
    <>
      {!isShown && <Skeleton lines={5} />}
      <div className="stack gap-l" hidden={!isShown}>
        {children}
      </div>
    </>
  )
}
