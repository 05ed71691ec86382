import type { HubGroup } from '@atrium/contract/hub-models.ts'
import { queryOptions, useMutation, useQueryClient } from '@tanstack/react-query'

import { endpoints } from './endpoints.ts'
import { request } from './http.ts'

/** Every group with its members, by name. */
export const groupsQuery = queryOptions({
  queryKey: ['groups'],
  queryFn: async ({ signal }) => {
    const groups = await request<HubGroup[]>('GET', endpoints.groups, { signal })
    return groups.sort((a, b) => a.name.localeCompare(b.name))
  },
})

/** One group. */
export function groupQuery(name: string) {
  return queryOptions({
    queryKey: ['groups', name],
    queryFn: ({ signal }) => request<HubGroup>('GET', endpoints.group(name), { signal }),
  })
}

/** Makes an empty group. */
export function useCreateGroup() {
  return useGroupMutation((name: string) => request<HubGroup>('POST', endpoints.group(name)))
}

/** Deletes a group; its members stay. */
export function useDeleteGroup() {
  return useGroupMutation((name: string) => request<void>('DELETE', endpoints.group(name)))
}

export interface Membership {
  group: string
  users: readonly string[]
}

/** Puts users into a group. */
export function useAddMembers() {
  return useGroupMutation(({ group, users }: Membership) =>
    request<HubGroup>('POST', endpoints.groupUsers(group), { body: { users } }),
  )
}

/** Takes users out of a group. */
export function useRemoveMembers() {
  return useGroupMutation(({ group, users }: Membership) =>
    request<HubGroup>('DELETE', endpoints.groupUsers(group), { body: { users } }),
  )
}

function useGroupMutation<Input, Output>(act: (input: Input) => Promise<Output>) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: act,
    onSettled: async () => {
      await Promise.all([
        client.invalidateQueries({ queryKey: ['groups'] }),
        client.invalidateQueries({ queryKey: ['users'] }),
      ])
    },
  })
}
