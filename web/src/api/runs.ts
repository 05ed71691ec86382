import { hasEnded } from '@atrium/contract/jobs.ts'
import type { RunDetail, RunDetailQuery, RunList, RunQuery, RunView } from '@atrium/contract/runs-api.ts'
import {
  infiniteQueryOptions,
  keepPreviousData,
  queryOptions,
  useMutation,
  useQueryClient,
} from '@tanstack/react-query'

import { endpoints } from './endpoints.ts'
import { request } from './http.ts'

const calmMs = 5_000
const busyMs = 1_500

/** Runs, newest first, read page by page. */
export function runListQuery(query: Omit<RunQuery, 'before'>) {
  return infiniteQueryOptions({
    queryKey: ['runs', 'list', query],
    queryFn: ({ signal, pageParam }) =>
      request<RunList>('GET', endpoints.runs, { query: { ...query, before: pageParam }, signal }),
    initialPageParam: undefined as number | undefined,
    getNextPageParam: (page) => page.next,
    placeholderData: keepPreviousData,
    refetchInterval: calmMs,
  })
}

/** One run with a page of its jobs; looked at more often while it goes on. */
export function runQuery(id: number, query: RunDetailQuery) {
  return queryOptions({
    queryKey: ['runs', 'one', id, query],
    queryFn: ({ signal }) => request<RunDetail>('GET', endpoints.run(id), { query, signal }),
    placeholderData: (previous) => (previous?.id === id ? previous : undefined),
    refetchInterval: ({ state }) => (state.data && !hasEnded(state.data.state) ? busyMs : calmMs),
  })
}

/** Cancels what has not ended of a run. */
export function useCancelRun() {
  return useRunMutation((id: number) => request<void>('DELETE', endpoints.run(id)))
}

/** Starts the same once more. */
export function useRunAgain() {
  return useRunMutation((id: number) => request<RunView>('POST', endpoints.runAgain(id), { body: {} }))
}

function useRunMutation<Input, Answer>(act: (input: Input) => Promise<Answer>) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: act,
    onSettled: () => client.invalidateQueries({ queryKey: ['runs'] }),
  })
}
