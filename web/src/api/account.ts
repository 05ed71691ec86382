import type {
  BrowserSession,
  ChangePasswordRequest,
  CreatedLink,
  CreateInvitationRequest,
  CreateLinkRequest,
  Invitation,
  OneTimeLink,
  SignInRequest,
  SignInResponse,
  UseLinkRequest,
} from '@atrium/contract/account.ts'
import { queryOptions, useMutation, useQueryClient } from '@tanstack/react-query'

import { endpoints } from './endpoints.ts'
import { request } from './http.ts'

/** Signs in by password. */
export function useSignIn() {
  return useMutation({
    mutationFn: (input: SignInRequest) => request<SignInResponse>('POST', endpoints.session, { body: input }),
  })
}

/** What a one-time link opens; asking does not use it up. */
export function oneTimeLinkQuery(secret: string) {
  return queryOptions({
    queryKey: ['one-time-link', secret],
    queryFn: ({ signal }) =>
      request<OneTimeLink>('POST', endpoints.links.inspect, { body: { secret }, signal }),
    enabled: secret !== '',
    staleTime: Number.POSITIVE_INFINITY,
  })
}

/** Uses a one-time link up: signs in, sets a password, or makes the account. */
export function useOneTimeLink() {
  return useMutation({
    mutationFn: (input: UseLinkRequest) =>
      request<SignInResponse>('POST', endpoints.links.use, { body: input }),
  })
}

/** The browsers this person is signed in with. */
export const sessionsQuery = queryOptions({
  queryKey: ['sessions'],
  queryFn: ({ signal }) => request<BrowserSession[]>('GET', endpoints.account.sessions, { signal }),
})

/** Signs another browser out. */
export function useEndSession() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (id: string) => request<void>('DELETE', endpoints.accountSession(id)),
    onSettled: () => client.invalidateQueries({ queryKey: ['sessions'] }),
  })
}

/** Changes the password and signs all other browsers out. */
export function useChangePassword() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (input: ChangePasswordRequest) =>
      request<void>('POST', endpoints.account.password, { body: input }),
    onSuccess: () => client.invalidateQueries({ queryKey: ['sessions'] }),
  })
}

/** Invitations nobody has accepted yet. */
export const invitationsQuery = queryOptions({
  queryKey: ['invitations'],
  queryFn: ({ signal }) => request<Invitation[]>('GET', endpoints.invitations, { signal }),
})

/** Makes a link by which somebody new makes an account. */
export function useInvite() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (input: CreateInvitationRequest) =>
      request<CreatedLink>('POST', endpoints.invitations, { body: input }),
    onSuccess: () => client.invalidateQueries({ queryKey: ['invitations'] }),
  })
}

/** Takes an invitation back. */
export function useRevokeInvitation() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (id: string) => request<void>('DELETE', endpoints.invitation(id)),
    onSettled: () => client.invalidateQueries({ queryKey: ['invitations'] }),
  })
}

/** Makes a one-time link for somebody's account. */
export function useCreateUserLink(user: string) {
  return useMutation({
    mutationFn: (input: CreateLinkRequest) =>
      request<CreatedLink>('POST', endpoints.userLinks(user), { body: input }),
  })
}
