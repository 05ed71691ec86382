import type { RunView, ScheduleList, ScheduleRequest, ScheduleView } from '@atrium/contract/runs-api.ts'
import { queryOptions, useMutation, useQueryClient } from '@tanstack/react-query'

import { endpoints } from './endpoints.ts'
import { request } from './http.ts'

const everyMs = 5_000

/** What runs by the clock: of one user, or of everybody. */
export function schedulesQuery(user?: string) {
  return queryOptions({
    queryKey: ['schedules', 'list', user],
    queryFn: ({ signal }) => request<ScheduleList>('GET', endpoints.schedules, { query: { user }, signal }),
    refetchInterval: everyMs,
  })
}

/** One schedule. */
export function scheduleQuery(id: number) {
  return queryOptions({
    queryKey: ['schedules', 'one', id],
    queryFn: ({ signal }) => request<ScheduleView>('GET', endpoints.schedule(id), { signal }),
    refetchInterval: everyMs,
  })
}

export function useCreateSchedule() {
  return useScheduleMutation((body: ScheduleRequest) =>
    request<ScheduleView>('POST', endpoints.schedules, { body }),
  )
}

/** Changes what is given of a schedule. */
export function useChangeSchedule() {
  return useScheduleMutation(({ id, ...body }: { id: number } & Partial<ScheduleRequest>) =>
    request<ScheduleView>('PATCH', endpoints.schedule(id), { body }),
  )
}

export function useDeleteSchedule() {
  return useScheduleMutation((id: number) => request<void>('DELETE', endpoints.schedule(id)))
}

/** Runs it now, besides its times. */
export function useRunSchedule() {
  return useScheduleMutation((id: number) =>
    request<RunView>('POST', endpoints.scheduleRun(id), { body: {} }),
  )
}

function useScheduleMutation<Input, Answer>(act: (input: Input) => Promise<Answer>) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: act,
    onSettled: async () => {
      await Promise.all([
        client.invalidateQueries({ queryKey: ['schedules'] }),
        client.invalidateQueries({ queryKey: ['runs'] }),
      ])
    },
  })
}
