import type { Profile, ServerDetails } from '@atrium/contract/servers.ts'
import { queryOptions, useMutation, useQueryClient } from '@tanstack/react-query'

import { eachOf } from './each-of.ts'
import { endpoints } from './endpoints.ts'
import { request } from './http.ts'

/** A server by its owner's name and its own; an empty name is the default server. */
export interface ServerId {
  user: string
  name: string
}

const calmMs = 15_000
const busyMs = 2_000

/** All servers of a user, looked at more often while one of them is about to change. */
export function serversQuery(user: string) {
  return queryOptions({
    queryKey: ['servers', user],
    queryFn: ({ signal }) => request<ServerDetails[]>('GET', endpoints.serverDetails(user), { signal }),
    refetchInterval: ({ state }) => (state.data?.some(isChanging) ? busyMs : calmMs),
  })
}

function isChanging({ state }: ServerDetails): boolean {
  return state === 'queued' || state === 'starting' || state === 'stopping' || state === 'unknown'
}

/** The profiles that a user may start servers with. */
export function profilesQuery(user: string) {
  return queryOptions({
    queryKey: ['profiles', user],
    queryFn: ({ signal }) => request<Profile[]>('GET', endpoints.profiles, { query: { user }, signal }),
    staleTime: 60_000,
  })
}

/** The same with those that the scheduler would refuse, and why; for administrators. */
export function allProfilesQuery(user: string) {
  return queryOptions({
    queryKey: ['profiles', user, 'all'],
    queryFn: ({ signal }) =>
      request<Profile[]>('GET', endpoints.profiles, { query: { user, withheld: true }, signal }),
    staleTime: 60_000,
  })
}

/** What a server is started with. */
export interface StartChoice {
  profile?: string
  account?: string
}

/** Starts a server; resolves when the start is under way. */
export function useStartServer() {
  return useServerMutation(({ user, name, ...body }: ServerId & StartChoice) =>
    request<void>('POST', endpoints.server(user, name), { body, isAsync: true }),
  )
}

/** Stops a server; resolves when the stop is under way. */
export function useStopServer() {
  return useServerMutation(({ user, name }: ServerId) =>
    request<void>('DELETE', endpoints.server(user, name), { isAsync: true }),
  )
}

/** The same for many, whoever's. */
export function useStopServers() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (servers: readonly ServerId[]) =>
      eachOf(
        servers,
        ({ user, name }) => `${user}/${name}`,
        ({ user, name }) => request<void>('DELETE', endpoints.server(user, name), { isAsync: true }),
      ),
    onSettled: async () => {
      await Promise.all([
        client.invalidateQueries({ queryKey: ['servers'] }),
        client.invalidateQueries({ queryKey: ['users'] }),
      ])
    },
  })
}

/** Removes a named server for good. */
export function useRemoveServer() {
  return useServerMutation(({ user, name }: ServerId) =>
    request<void>('DELETE', endpoints.server(user, name), { body: { remove: true } }),
  )
}

/** Holds the idle stop off for a while. */
export function useKeepRunning() {
  return useServerMutation(({ user, name }: ServerId) =>
    request<void>('POST', endpoints.keepRunning(user, name), { body: {} }),
  )
}

function useServerMutation<Input extends ServerId>(act: (input: Input) => Promise<void>) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: act,
    onSettled: async (_data, _error, input) => {
      await Promise.all([
        client.invalidateQueries({ queryKey: ['servers', input.user] }),
        client.invalidateQueries({ queryKey: ['users'] }),
      ])
    },
  })
}
