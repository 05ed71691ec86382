import type { AuditPage, AuditQuery } from '@atrium/contract/audit-api.ts'
import type { HubService } from '@atrium/contract/hub-models.ts'
import type { RoleHolderParams, RoleList } from '@atrium/contract/roles-api.ts'
import {
  infiniteQueryOptions,
  keepPreviousData,
  queryOptions,
  useMutation,
  useQueryClient,
} from '@tanstack/react-query'

import { endpoints } from './endpoints.ts'
import { request } from './http.ts'

/** Every role with what it gives and who has it. */
export const rolesQuery = queryOptions({
  queryKey: ['roles'],
  queryFn: ({ signal }) => request<RoleList>('GET', endpoints.roles, { signal }),
})

/** Gives a role to a user, group or service. */
export function useAssignRole() {
  return useRoleMutation('PUT')
}

/** Takes a role from a user, group or service. */
export function useUnassignRole() {
  return useRoleMutation('DELETE')
}

function useRoleMutation(method: 'PUT' | 'DELETE') {
  const client = useQueryClient()
  return useMutation({
    mutationFn: ({ role, kind, name }: RoleHolderParams) =>
      request<void>(method, endpoints.roleHolder(role, kind, name)),
    onSettled: async () => {
      await Promise.all([
        client.invalidateQueries({ queryKey: ['roles'] }),
        client.invalidateQueries({ queryKey: ['users'] }),
      ])
    },
  })
}

/** Services, sorted by name. */
export const servicesQuery = queryOptions({
  queryKey: ['services'],
  queryFn: async ({ signal }) => {
    const byName = await request<Record<string, HubService>>('GET', endpoints.services, { signal })
    return Object.values(byName).sort((a, b) => a.name.localeCompare(b.name))
  },
})

/** The audit log, newest first, read page by page. */
export function auditQuery(query: Omit<AuditQuery, 'before'>) {
  return infiniteQueryOptions({
    queryKey: ['audit', query],
    queryFn: ({ signal, pageParam }) =>
      request<AuditPage>('GET', endpoints.audit, {
        query: { ...query, before: pageParam },
        signal,
      }),
    initialPageParam: undefined as number | undefined,
    getNextPageParam: (page) => page.next,
    placeholderData: keepPreviousData,
  })
}
