import type { HubCreatedToken, HubToken, HubTokenRequest } from '@atrium/contract/hub-models.ts'
import { queryOptions, useMutation, useQueryClient } from '@tanstack/react-query'

import { endpoints } from './endpoints.ts'
import { request } from './http.ts'

/** A user's tokens, those of applications included. */
export function tokensQuery(user: string) {
  return queryOptions({
    queryKey: ['tokens', user],
    queryFn: async ({ signal }) => {
      const answer = await request<{ api_tokens: HubToken[] }>('GET', endpoints.tokens(user), { signal })
      return answer.api_tokens
    },
  })
}

/** True for a token that was asked for by page or API, not given to an application. */
export function isPersonalToken(token: HubToken): boolean {
  return !token.oauth_client || token.oauth_client === 'jupyterhub' || token.oauth_client === 'JupyterHub'
}

/** Makes a token; the answer is the only place its secret ever stands. */
export function useCreateToken(user: string) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (token: HubTokenRequest) =>
      request<HubCreatedToken>('POST', endpoints.tokens(user), { body: token }),
    onSuccess: () => client.invalidateQueries({ queryKey: ['tokens', user] }),
  })
}

/** Revokes tokens by their ids, all that were given to one application at once. */
export function useRevokeTokens(user: string) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: async (ids: readonly string[]) => {
      await Promise.all(ids.map((id) => request<void>('DELETE', endpoints.token(user, id))))
    },
    onSettled: () => client.invalidateQueries({ queryKey: ['tokens', user] }),
  })
}
