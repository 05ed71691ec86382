import { buildLinkUrl } from '@atrium/contract/account.ts'
import {
  createdLinkSchema,
  createInvitationRequestSchema,
  invitationSchema,
} from '@atrium/contract/account-api.ts'
import { PlatformError } from '@atrium/contract/errors.ts'
import { Type } from 'typebox'

import { defineRoute, type Route } from '#http/define-route.ts'
import type { InvitationData, OneTimeLink, OneTimeLinks } from '#identity/one-time-links.ts'
import { type Principal, requireScope } from '#identity/principal.ts'

export interface InvitationRoutesOptions {
  links: Pick<OneTimeLinks, 'createInvitation' | 'listInvitations' | 'revokeInvitation'>
  /** Where browsers reach the platform, if an administrator said so; else the caller's own way is taken. */
  publicUrl?: string
}

const access = { anyOf: ['admin:users'], on: 'platform' } as const

/** Sign-up by invitation: a link with which one person makes an account. */
export function createInvitationRoutes(options: InvitationRoutesOptions): Route[] {
  return [createRoute(options), listRoute(options), revokeRoute(options)]
}

function createRoute({ links, publicUrl }: InvitationRoutesOptions): Route {
  return defineRoute({
    method: 'POST',
    path: '/api/v1/invitations',
    summary: 'Makes an invitation.',
    tag: 'invitations',
    authentication: 'token-or-session',
    access,
    schemas: { body: createInvitationRequestSchema, responses: { 201: createdLinkSchema } },
    async handler(request, reply) {
      const { body, principal, origin } = request
      const { username, groups = [], admin = false, expiresInMs } = body
      const data = { ...(username === undefined ? {} : { username }), groups, admin }
      checkInvitation(principal, data)
      const { link, secret } = await links.createInvitation(
        data,
        request.actor(),
        expiresInMs === undefined ? {} : { expiresInMs },
      )
      reply.code(201)
      return {
        id: String(link.id),
        url: buildLinkUrl(publicUrl ?? origin, 'invitation', secret),
        expiresAtMs: link.expiresAtMs,
      }
    },
  })
}

/** An invitation gives no more than its maker could: administration by administrators, groups by who may change them. */
function checkInvitation(principal: Principal, { groups, admin }: InvitationData): void {
  if (admin && !principal.admin) {
    throw new PlatformError('forbidden', { message: 'Only admins can grant admin permissions' })
  }
  for (const group of groups) requireScope(principal, ['groups'], { group })
}

function listRoute({ links }: InvitationRoutesOptions): Route {
  return defineRoute({
    method: 'GET',
    path: '/api/v1/invitations',
    summary: 'Invitations that nobody has accepted yet.',
    tag: 'invitations',
    authentication: 'token-or-session',
    access,
    schemas: { responses: { 200: Type.Array(invitationSchema) } },
    async handler() {
      return (await links.listInvitations()).map(describeInvitation)
    },
  })
}

function describeInvitation({ id, invitation, createdBy, createdAtMs, expiresAtMs }: OneTimeLink) {
  return {
    id: String(id),
    ...(invitation?.username === undefined ? {} : { username: invitation.username }),
    groups: invitation?.groups ?? [],
    createdBy,
    createdAtMs,
    expiresAtMs,
  }
}

function revokeRoute({ links }: InvitationRoutesOptions): Route {
  return defineRoute({
    method: 'DELETE',
    path: '/api/v1/invitations/:invitation',
    summary: 'Takes an invitation back.',
    tag: 'invitations',
    authentication: 'token-or-session',
    access,
    schemas: { params: Type.Object({ invitation: Type.Integer() }), responses: { 204: null } },
    async handler(request, reply) {
      await links.revokeInvitation(request.params.invitation, request.actor())
      return reply.code(204).send()
    },
  })
}
