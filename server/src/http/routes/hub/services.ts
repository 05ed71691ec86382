import { PlatformError } from '@atrium/contract/errors.ts'
import type { HubService } from '@atrium/contract/hub-models.ts'
import { Type } from 'typebox'

import { defineRoute, type Route } from '#http/define-route.ts'
import { isObject, parseNames, parseServiceBody } from '#http/hub-bodies.ts'
import { buildServiceModel } from '#http/hub-models.ts'
import type { Identity } from '#identity/identity.ts'
import { printable } from '#identity/names.ts'
import type { Principal } from '#identity/principal.ts'
import type { ScopeSet } from '#identity/scope-set.ts'
import type { NewService, Service } from '#identity/services.ts'
import { isRedirectUri } from '#oauth/redirect-uri.ts'

import { createServiceSchema, serviceModelSchema } from './identity-schemas.ts'

export interface ServiceRoutesOptions {
  readonly identity: Pick<Identity, 'services' | 'grants'>
}

const common = { tag: 'services', authentication: 'token-or-session', checkedBy: 'handler' } as const
const onePath = '/hub/api/services/:service'

/** Services: list, look, and add or remove those that the configuration does not name. */
export function createServiceRoutes({ identity }: ServiceRoutesOptions): Route[] {
  return [listRoute(identity), showRoute(identity), createRoute(identity), removeRoute(identity)]
}

type ServiceIdentity = ServiceRoutesOptions['identity']

function listRoute({ services }: ServiceIdentity): Route {
  return defineRoute({
    ...common,
    method: 'GET',
    path: '/hub/api/services',
    summary: 'Services by name.',
    access: { anyOf: ['list:services'], on: 'listing' },
    schemas: { responses: { 200: Type.Record(Type.String(), serviceModelSchema) } },
    async handler({ principal: { scopes } }) {
      const listed = (await services.list()).filter(({ name }) =>
        scopes.allows('list:services', { service: name }),
      )
      return Object.fromEntries(listed.map((service) => [service.name, buildAnswer(service, scopes)]))
    },
  })
}

function showRoute({ services }: ServiceIdentity): Route {
  return defineRoute({
    ...common,
    method: 'GET',
    path: onePath,
    summary: 'One service, as far as the caller may see.',
    access: { anyOf: ['read:services', 'read:services:name', 'read:roles:services'], on: 'service' },
    schemas: { responses: { 200: serviceModelSchema } },
    async handler({ params, principal }) {
      const name = params['service'] ?? ''
      const service = await services.find(name)
      if (service === undefined)
        throw new PlatformError('not_found', { message: `No such service: ${printable(name)}` })
      return buildAnswer(service, principal.scopes)
    },
  })
}

function createRoute({ services, grants }: ServiceIdentity): Route {
  return defineRoute({
    ...common,
    method: 'POST',
    path: onePath,
    summary: 'Adds an external service until it is removed.',
    access: { anyOf: ['admin:services'], on: 'service' },
    schemas: { body: createServiceSchema, responses: { 201: serviceModelSchema } },
    async handler(request, reply) {
      const name = request.params['service'] ?? ''
      if ((await services.find(name)) !== undefined) {
        throw new PlatformError('conflict', { message: `Service ${name} already exists` })
      }
      const service = parseNewService(name, request.body)
      await assertGives(service, request.principal, grants)
      const created = await services.create(service, request.actor())
      reply.code(201)
      return buildAnswer(created, request.principal.scopes)
    },
  })
}

function removeRoute({ services }: ServiceIdentity): Route {
  return defineRoute({
    ...common,
    method: 'DELETE',
    path: onePath,
    summary: 'Removes a service that was added by API.',
    access: { anyOf: ['admin:services'], on: 'service' },
    schemas: { responses: { 200: Type.String() } },
    async handler(request, reply) {
      await services.remove(request.params['service'] ?? '', request.actor())
      return reply.type('application/json').send('')
    },
  })
}

/** As in JupyterHub, a service without a URL has an empty one here, and none where it asks who it is. */
function buildAnswer(service: Service, scopes: ScopeSet): HubService {
  const model = buildServiceModel(service, scopes)
  return model.url === null ? { ...model, url: '' } : model
}

/** The body of a creation. Throws `bad_request` in JupyterHub's words. */
function parseNewService(name: string, body: unknown): NewService {
  if (!isObject(body) || Object.keys(body).length === 0) {
    throw new PlatformError('bad_request', { message: 'Invalid service data' })
  }
  const fields = parseServiceBody({ ...body, name })
  if (fields.command !== undefined && fields.command.length > 0) {
    throw new PlatformError('bad_request', {
      message: `Can not create managed service ${printable(name)} at runtime`,
    })
  }
  const redirectUri = fields.oauth_redirect_uri
  if (redirectUri !== undefined && !isRedirectUri(redirectUri)) {
    throw new PlatformError('bad_request', {
      message: `oauth_redirect_uri must be a path or an http(s) URL, not ${printable(redirectUri)}`,
    })
  }
  return {
    name,
    ...(fields.url === undefined ? {} : { url: fields.url }),
    ...(fields.info === undefined ? {} : { info: fields.info }),
    ...(fields.admin === undefined ? {} : { admin: fields.admin }),
    ...(fields.display === undefined ? {} : { display: fields.display }),
    ...(fields.api_token === undefined ? {} : { apiToken: fields.api_token }),
    ...(fields.oauth_client_id === undefined ? {} : { oauthClientId: fields.oauth_client_id }),
    ...(redirectUri === undefined ? {} : { oauthRedirectUri: redirectUri }),
    oauthClientAllowedScopes: parseNames(fields.oauth_client_allowed_scopes ?? [], 'scopes'),
  }
}

/** Nobody gives a service more than they have. */
async function assertGives(
  { admin = false, oauthClientAllowedScopes = [] }: NewService,
  principal: Principal,
  grants: ServiceIdentity['grants'],
): Promise<void> {
  if (admin && !principal.admin) {
    throw new PlatformError('forbidden', { message: 'Only admins can grant admin permissions' })
  }
  if (oauthClientAllowedScopes.length === 0) return
  const { refused } = await grants.resolve(oauthClientAllowedScopes, principal.scopes.expanded, principal)
  if (refused.length === 0) return
  throw new PlatformError('bad_request', {
    message: `Not assigning requested scopes ${refused.join(',')} not held by ${principal.name}`,
  })
}
