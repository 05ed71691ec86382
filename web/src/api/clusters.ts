import type {
  ClusterDetail,
  ClusterList,
  ClusterQuery,
  ClusterScale,
  ClusterView,
} from '@atrium/contract/clusters-api.ts'
import { keepPreviousData, queryOptions, useMutation, useQueryClient } from '@tanstack/react-query'

import { endpoints } from './endpoints.ts'
import { request } from './http.ts'

const calmMs = 5_000
const busyMs = 1_500

/** Dask clusters, newest first; looked at more often while one of them is about to change. */
export function clustersQuery(query: ClusterQuery) {
  return queryOptions({
    queryKey: ['clusters', 'list', query],
    queryFn: ({ signal }) => request<ClusterList>('GET', endpoints.clusters, { query, signal }),
    placeholderData: keepPreviousData,
    refetchInterval: ({ state }) => (state.data?.clusters.some(isChanging) ? busyMs : calmMs),
  })
}

/** One cluster with its workers. */
export function clusterQuery(name: string) {
  return queryOptions({
    queryKey: ['clusters', 'one', name],
    queryFn: ({ signal }) => request<ClusterDetail>('GET', endpoints.cluster(name), { signal }),
    refetchInterval: ({ state }) => (state.data && isChanging(state.data) ? busyMs : calmMs),
  })
}

function isChanging({ state, workers }: ClusterView): boolean {
  return state === 'pending' || state === 'stopping' || workers.waiting > 0
}

/** Asks for another number of workers, or lets it adapt. The answer's `cut` says why it gets fewer than that. */
export function useScaleCluster() {
  return useClusterMutation(({ name, scale }: { name: string; scale: ClusterScale }) =>
    request<ClusterDetail & { cut?: string }>('POST', endpoints.clusterScale(name), { body: scale }),
  )
}

/** Stops a cluster; resolves when the stop is under way. */
export function useStopCluster() {
  return useClusterMutation((name: string) => request<void>('DELETE', endpoints.cluster(name)))
}

function useClusterMutation<Input, Answer>(act: (input: Input) => Promise<Answer>) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: act,
    onSettled: () => client.invalidateQueries({ queryKey: ['clusters'] }),
  })
}
