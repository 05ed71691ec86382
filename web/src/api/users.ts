import type { HubPage, HubUser } from '@atrium/contract/hub-models.ts'
import { keepPreviousData, queryOptions, useMutation, useQueryClient } from '@tanstack/react-query'

import { eachOf } from './each-of.ts'
import { endpoints } from './endpoints.ts'
import { request } from './http.ts'
import type { ServerId } from './servers.ts'

export interface UserListQuery {
  search: string
  /** `active`: with a running server. */
  state: 'all' | 'active'
  sort: 'name' | '-last_activity'
  offset: number
  limit: number
}

/** How often the list is looked at again: while a server in it starts or stops, and otherwise. */
const busyMs = 2_000
const calmMs = 20_000

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
    refetchInterval: ({ state }) => (state.data?.items.some(isChanging) ? busyMs : calmMs),
  })
}

function isChanging({ servers = {} }: HubUser): boolean {
  return Object.values(servers).some(({ pending }) => pending !== null)
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

/** Deletes users for good, servers and tokens included. */
export function useDeleteUsers() {
  return useUserMutation((users: readonly string[]) =>
    eachOf(
      users,
      (user) => user,
      (user) => request<void>('DELETE', endpoints.user(user)),
    ),
  )
}

/** A user's servers that run, or are on their way. */
export function listActiveServers({ name: user, servers = {} }: HubUser): ServerId[] {
  return Object.values(servers).flatMap(({ name, stopped }) => (stopped ? [] : [{ user, name }]))
}

function useUserMutation<Input, Output>(act: (input: Input) => Promise<Output>) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: act,
    onSettled: () => client.invalidateQueries({ queryKey: ['users'] }),
  })
}
