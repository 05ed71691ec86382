import type { HubShare, HubShareCode, HubShareRequest } from '@atrium/contract/hub-models.ts'
import { queryOptions, useMutation, useQueryClient } from '@tanstack/react-query'

import { endpoints } from './endpoints.ts'
import { request } from './http.ts'
import type { ServerId } from './servers.ts'

/** Whom a server is shared with. */
export function sharesQuery({ user, name }: ServerId) {
  return queryOptions({
    queryKey: ['shares', user, name],
    queryFn: async ({ signal }) => {
      const page = await request<{ items: HubShare[] }>('GET', endpoints.shares(user, name), { signal })
      return page.items
    },
  })
}

/** Open share links of a server, without their secrets. */
export function shareCodesQuery({ user, name }: ServerId) {
  return queryOptions({
    queryKey: ['share-codes', user, name],
    queryFn: async ({ signal }) => {
      const page = await request<{ items: HubShareCode[] }>('GET', endpoints.shareCodes(user, name), {
        signal,
      })
      return page.items
    },
  })
}

/** What others share with this user. */
export function sharedWithQuery(user: string) {
  return queryOptions({
    queryKey: ['shared-with', user],
    queryFn: async ({ signal }) => {
      const page = await request<{ items: HubShare[] }>('GET', endpoints.sharedWith(user), { signal })
      return page.items
    },
  })
}

/** Shares a server with a user or group. */
export function useShareServer(server: ServerId) {
  return useShareMutation(server, (target: HubShareRequest) =>
    request<HubShare>('POST', endpoints.shares(server.user, server.name), { body: target }),
  )
}

/** Takes a share back. */
export function useRevokeShare(server: ServerId) {
  return useShareMutation(server, (target: HubShareRequest) =>
    request<void>('PATCH', endpoints.shares(server.user, server.name), { body: target }),
  )
}

/** Makes a link that lets whoever opens it in. */
export function useCreateShareCode(server: ServerId) {
  return useShareMutation(server, ({ expiresIn }: { expiresIn: number }) =>
    request<HubShareCode>('POST', endpoints.shareCodes(server.user, server.name), {
      body: { expires_in: expiresIn },
    }),
  )
}

/** Ends a share link. Who came in by it stays in. */
export function useRevokeShareCode(server: ServerId) {
  return useShareMutation(server, (id: string) =>
    request<void>('DELETE', endpoints.shareCodes(server.user, server.name), { query: { id } }),
  )
}

/** Gives up what somebody shares with this user. */
export function useLeaveShare(user: string) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: ({ server }: HubShare) =>
      request<void>('DELETE', endpoints.sharedWithOne(user, server.user.name, server.name)),
    onSettled: () => client.invalidateQueries({ queryKey: ['shared-with', user] }),
  })
}

function useShareMutation<Input, Output>(server: ServerId, act: (input: Input) => Promise<Output>) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: act,
    onSettled: async () => {
      const { user, name } = server
      await Promise.all([
        client.invalidateQueries({ queryKey: ['shares', user, name] }),
        client.invalidateQueries({ queryKey: ['share-codes', user, name] }),
      ])
    },
  })
}
