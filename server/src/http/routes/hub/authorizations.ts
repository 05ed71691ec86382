import { PlatformError } from '@atrium/contract/errors.ts'
import { Type } from 'typebox'

import { defineRoute, type Route } from '#http/define-route.ts'
import { buildServiceModel, buildUserModels } from '#http/hub-models.ts'
import type { ServerModels } from '#hub/server-models.ts'
import type { Identity } from '#identity/identity.ts'
import type { Principal } from '#identity/principal.ts'

import { serviceModelSchema, userModelSchema } from './identity-schemas.ts'

export interface AuthorizationRoutesOptions {
  readonly identity: Pick<Identity, 'principals' | 'userViews' | 'services'>
  readonly models: Pick<ServerModels, 'ofUsers'>
}

/** What JupyterHub has kept of its ways to ask whose a credential is before OAuth. */
export function createAuthorizationRoutes(options: AuthorizationRoutesOptions): Route[] {
  return [whoseTokenRoute(options), formerTokenRoute()]
}

function whoseTokenRoute({ identity, models }: AuthorizationRoutesOptions): Route {
  return defineRoute({
    method: 'GET',
    path: '/hub/api/authorizations/token/:token',
    summary: 'Whose token this is. Deprecated: send the token itself to `/hub/api/user`.',
    tag: 'tokens',
    authentication: 'token-or-session',
    access: {
      open: 'who has the secret may know whose it is, as far as their scopes show users and services',
    },
    schemas: { responses: { 200: Type.Union([userModelSchema, serviceModelSchema]) } },
    async handler({ params, principal }) {
      const owner = await identity.principals.findByToken(params['token'] ?? '')
      const model = owner === undefined ? undefined : await buildOwner({ identity, models }, owner, principal)
      if (model === undefined) throw new PlatformError('not_found')
      return model
    },
  })
}

async function buildOwner(
  { identity, models }: AuthorizationRoutesOptions,
  owner: Principal,
  { scopes }: Principal,
): Promise<object | undefined> {
  if (owner.kind === 'service') {
    const service = await identity.services.find(owner.name)
    return service && buildServiceModel(service, scopes)
  }
  const view = await identity.userViews.findById(owner.id)
  const [model] =
    view === undefined ? [] : await buildUserModels([view], scopes, models, { includeStopped: false })
  return model
}

function formerTokenRoute(): Route {
  const path = '/hub/api/authorizations/token'
  return defineRoute({
    method: 'POST',
    path,
    summary: 'Says where tokens are made today.',
    tag: 'tokens',
    authentication: 'none',
    access: { open: 'it only tells the way' },
    checkedBy: 'handler',
    schemas: { responses: {} },
    handler() {
      throw new PlatformError('not_found', {
        message: `Deprecated endpoint ${path} is removed in JupyterHub 2.0. Use /hub/api/users/:user/tokens instead.`,
      })
    },
  })
}
