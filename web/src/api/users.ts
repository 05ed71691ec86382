import type { HubPage, HubUser } from '@atrium/contract/hub-models.ts'
import { keepPreviousData, queryOptions, useMutation, useQueryClient } from '@tanstack/react-query'

import { endpoints } from './endpoints.ts'
import { request } from './http.ts'

export interface UserListQuery {
  search: string
  /** `active`: with a running server. */
  state: 'all' | 'active'
  sort: 'name' | '-last_activity'
  offset: number
  limit: number
}

const paginated = 'application/jupyterhub-pagination+json'

/** One page of users. */
export function userListQuery({ search, state, sort, offset, limit }: UserListQuery) {
  return queryOptions({
    queryKey: ['users', 'list', { search, state, sort, offset, limit }],
    queryFn: ({ signal }) =>
      request<HubPage<HubUser>>('GET', endpoints.users, {
        query: { name_filter: search, state: state === 'active' ? 'active' : undefined, sort, offset, limit },
        accept: paginated,
        signal,
      }),
    placeholderData: keepPreviousData,
  })
}

/** One user. */
export function userQuery(name: string) {
  return queryOptions({
    queryKey: ['users', 'one', name],
    queryFn: ({ signal }) => request<HubUser>('GET', endpoints.user(name), { signal }),
  })
}

/** Names that begin with what was typed, for suggestions. */
export function userNamesQuery(search: string) {
  return queryOptions({
    queryKey: ['users', 'names', search],
    queryFn: async ({ signal }) => {
      const page = await request<HubPage<HubUser>>('GET', endpoints.users, {
        query: { name_filter: search, limit: 8, offset: 0 },
        accept: paginated,
        signal,
      })
      return page.items.map((user) => user.name)
    },
    placeholderData: keepPreviousData,
  })
}

/** Makes users without passwords: they come in by a link or an outside account. */
export function useCreateUsers() {
  return useUserMutation((input: { usernames: readonly string[]; admin: boolean }) =>
    request<HubUser[]>('POST', endpoints.users, { body: input }),
  )
}

/** Renames a user, or makes an administrator of one. */
export function useEditUser(user: string) {
  return useUserMutation((change: { name?: string; admin?: boolean }) =>
    request<HubUser>('PATCH', endpoints.user(user), { body: change }),
  )
}

/** Deletes a user for good, servers and tokens included. */
export function useDeleteUser() {
  return useUserMutation((user: string) => request<void>('DELETE', endpoints.user(user)))
}

function useUserMutation<Input, Output>(act: (input: Input) => Promise<Output>) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: act,
    onSettled: () => client.invalidateQueries({ queryKey: ['users'] }),
  })
}
