import type { HomeView } from '@atrium/contract/homes-api.ts'
import type { JobList, JobQuery, JobView, Queue } from '@atrium/contract/jobs-api.ts'
import type { NodeList } from '@atrium/contract/nodes-api.ts'
import type { QuotaList } from '@atrium/contract/quotas-api.ts'
import type { PlatformStatus } from '@atrium/contract/status-api.ts'
import {
  infiniteQueryOptions,
  keepPreviousData,
  queryOptions,
  useMutation,
  useQueryClient,
} from '@tanstack/react-query'

import { endpoints } from './endpoints.ts'
import { request } from './http.ts'

const everyMs = 5_000

/** Jobs, newest first, read page by page. */
export function jobListQuery(query: Omit<JobQuery, 'before'>) {
  return infiniteQueryOptions({
    queryKey: ['jobs', 'list', query],
    queryFn: ({ signal, pageParam }) =>
      request<JobList>('GET', endpoints.jobs, { query: { ...query, before: pageParam }, signal }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next,
    placeholderData: keepPreviousData,
    refetchInterval: everyMs,
  })
}

/** One job. */
export function jobQuery(key: string) {
  return queryOptions({
    queryKey: ['jobs', 'one', key],
    queryFn: ({ signal }) => request<JobView>('GET', endpoints.job(key), { signal }),
    refetchInterval: everyMs,
  })
}

/** What waits, in order. */
export const queueQuery = queryOptions({
  queryKey: ['jobs', 'queue'],
  queryFn: ({ signal }) => request<Queue>('GET', endpoints.queue, { signal }),
  refetchInterval: everyMs,
})

/** Cancels a job; for a server this is a stop. */
export function useCancelJob() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (key: string) => request<void>('DELETE', endpoints.job(key)),
    onSettled: () => client.invalidateQueries({ queryKey: ['jobs'] }),
  })
}

/** What everybody holds of their quotas. */
export const quotasQuery = queryOptions({
  queryKey: ['quotas'],
  queryFn: ({ signal }) => request<QuotaList>('GET', endpoints.quotas, { signal }),
  refetchInterval: everyMs,
})

/** What one user, and the groups of that user, hold. */
export function userQuotasQuery(user: string) {
  return queryOptions({
    queryKey: ['quotas', user],
    queryFn: ({ signal }) => request<QuotaList>('GET', endpoints.userQuotas(user), { signal }),
  })
}

/** How full the home of a user is. */
export function homeQuery(user: string) {
  return queryOptions({
    queryKey: ['home', user],
    queryFn: ({ signal }) => request<HomeView>('GET', endpoints.userHome(user), { signal }),
    refetchInterval: 60_000,
  })
}

/** The machines and their load. */
export const nodesQuery = queryOptions({
  queryKey: ['nodes'],
  queryFn: ({ signal }) => request<NodeList>('GET', endpoints.nodes, { signal }),
  refetchInterval: everyMs,
})

/** How the platform is. */
export const statusQuery = queryOptions({
  queryKey: ['status'],
  queryFn: ({ signal }) => request<PlatformStatus>('GET', endpoints.status, { signal }),
  refetchInterval: everyMs,
})
