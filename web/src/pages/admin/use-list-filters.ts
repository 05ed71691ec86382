import { useCallback } from 'react'
import { useSearchParams } from 'react-router'

/** Filters of a list by owner and state; they stand in the URL, so that a link shows the same. */
export interface ListFilters {
  user: string
  /** As the URL has it: of no known state when somebody wrote another. */
  state: string | undefined
  putUser: (user: string) => void
  putState: (state: string) => void
}

export function useListFilters(): ListFilters {
  const [search, setSearch] = useSearchParams()
  const put = useCallback(
    (name: string, value: string) =>
      setSearch(
        (current) => {
          const next = new URLSearchParams(current)
          if (value) next.set(name, value)
          else next.delete(name)
          return next
        },
        { replace: true },
      ),
    [setSearch],
  )
  const putUser = useCallback((user: string) => put('user', user), [put])
  const putState = useCallback((state: string) => put('state', state), [put])
  return { user: search.get('user') ?? '', state: search.get('state') ?? undefined, putUser, putState }
}
