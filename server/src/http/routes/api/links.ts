import { buildLinkUrl } from '@atrium/contract/account.ts'
import {
  createdLinkSchema,
  createLinkRequestSchema,
  inspectLinkRequestSchema,
  oneTimeLinkSchema,
  signInResponseSchema,
  useLinkRequestSchema,
} from '@atrium/contract/account-api.ts'
import { PlatformError } from '@atrium/contract/errors.ts'
import { Type } from 'typebox'

import type { BrowserSignIn } from '#http/browser-sign-in.ts'
import { defineRoute, type Route } from '#http/define-route.ts'
import type { OneTimeLinks } from '#identity/one-time-links.ts'
import type { Users } from '#identity/users.ts'

export interface LinkRoutesOptions {
  links: OneTimeLinks
  users: Pick<Users, 'get'>
  signIn: BrowserSignIn
  /** Where browsers reach the platform, if an administrator said so; else the caller's own way is taken. */
  publicUrl?: string
}

const bearer = 'The secret of the link is what lets in.'

/** One-time links: the first sign-in, a new password, an invitation. The secret comes in the body, never in a URL. */
export function createLinkRoutes(options: LinkRoutesOptions): Route[] {
  return [inspectRoute(options), useRoute(options), createUserLinkRoute(options)]
}

function inspectRoute({ links }: LinkRoutesOptions): Route {
  return defineRoute({
    method: 'POST',
    path: '/api/v1/links/inspect',
    summary: 'What a one-time link is for, without using it up.',
    tag: 'links',
    authentication: 'none',
    access: { open: bearer },
    schemas: { body: inspectLinkRequestSchema, responses: { 200: oneTimeLinkSchema } },
    async handler({ body }) {
      const link = await links.inspect(body.secret)
      if (link === undefined)
        throw new PlatformError('gone', { message: 'This link was used or has expired.' })
      const { purpose, user, invitation, createdBy, expiresAtMs } = link
      const name = user?.name ?? invitation?.username
      return {
        purpose,
        ...(name === undefined ? {} : { user: name }),
        ...(invitation === undefined ? {} : { invitedBy: createdBy, groups: invitation.groups }),
        expiresAtMs,
      }
    },
  })
}

function useRoute({ links, signIn }: LinkRoutesOptions): Route {
  return defineRoute({
    method: 'POST',
    path: '/api/v1/links/use',
    summary: 'Uses a one-time link up and signs this browser in.',
    tag: 'links',
    authentication: 'optional',
    access: { open: bearer },
    xsrf: 'always',
    schemas: { body: useLinkRequestSchema, responses: { 200: signInResponseSchema } },
    async handler(request, reply) {
      const { secret, ...input } = request.body
      const { user } = await links.use(secret, input, request.remote)
      await signIn.start(request, reply, user)
      return { redirect: await signIn.findDestination(request, user.name) }
    },
  })
}

function createUserLinkRoute({ links, users, publicUrl }: LinkRoutesOptions): Route {
  return defineRoute({
    method: 'POST',
    path: '/api/v1/users/:user/links',
    summary: 'Makes a one-time link with which a user signs in or sets a new password.',
    tag: 'links',
    authentication: 'token-or-session',
    access: { anyOf: ['admin:users'], on: 'user' },
    schemas: {
      params: Type.Object({ user: Type.String() }),
      body: createLinkRequestSchema,
      responses: { 201: createdLinkSchema },
    },
    async handler(request, reply) {
      const { params, body, principal, origin } = request
      const user = await users.get(params.user)
      // Who holds the link is the user: nobody makes an administrator of themselves by it.
      if (user.admin && !principal.admin) {
        throw new PlatformError('forbidden', { message: 'Only admins can modify other admins' })
      }
      const { link, secret } = await links.createFor(body.purpose, user, request.actor())
      reply.code(201)
      return {
        id: String(link.id),
        url: buildLinkUrl(publicUrl ?? origin, body.purpose, secret),
        expiresAtMs: link.expiresAtMs,
      }
    },
  })
}
