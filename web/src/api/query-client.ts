import { MutationCache, QueryCache, QueryClient } from '@tanstack/react-query'

import { outside, paths } from '#paths.ts'

import { ApiError } from './http.ts'

/** The portal's cache of answers. A session that has ended sends the person to the sign-in page and back. */
export function createQueryClient(): QueryClient {
  return new QueryClient({
    queryCache: new QueryCache({ onError: leaveWhenSignedOut }),
    mutationCache: new MutationCache({ onError: leaveWhenSignedOut }),
    defaultOptions: {
      queries: {
        staleTime: 5_000,
        retry: (failures, error) => error instanceof ApiError && error.isPassing && failures < 5,
        retryDelay: (attempt) => Math.min(500 * 2 ** attempt, 5_000),
      },
    },
  })
}

function leaveWhenSignedOut(error: Error): void {
  if (!(error instanceof ApiError) || !error.needsSignIn) return
  const here = location.pathname + location.search
  location.assign(outside.portal(paths.login(here)))
}
