import type { UsageQuery, UsageReport } from '@atrium/contract/usage-api.ts'
import { keepPreviousData, queryOptions } from '@tanstack/react-query'

import { withQuery } from '#paths.ts'
import { endpoints } from './endpoints.ts'
import { request } from './http.ts'

export type UsageFilters = Partial<Omit<UsageQuery, 'format'>>

/** What was used; what runs grows, so it is asked for again now and then. */
export function usageQuery(filters: UsageFilters) {
  return queryOptions({
    queryKey: ['usage', filters],
    queryFn: ({ signal }) => request<UsageReport>('GET', endpoints.usage, { query: { ...filters }, signal }),
    placeholderData: keepPreviousData,
    refetchInterval: 60_000,
  })
}

/** The same as a table for a spreadsheet. */
export function usageCsvUrl(filters: UsageFilters): string {
  return withQuery(endpoints.usage, { ...filters, format: 'csv' })
}
