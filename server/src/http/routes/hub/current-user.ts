import { PlatformError } from '@atrium/contract/errors.ts'
import { defineRoute, type Route } from '#http/define-route.ts'
import { buildServiceModel, buildUserModels } from '#http/hub-models.ts'
import type { ServerModels } from '#hub/server-models.ts'
import { buildIdentifyScopes } from '#identity/expand-scopes.ts'
import type { Identity } from '#identity/identity.ts'
import type { Principal } from '#identity/principal.ts'
import { buildScopeSet, type ScopeSet } from '#identity/scope-set.ts'
import { publicTokenId } from '#identity/tokens.ts'

import { currentUserSchema } from './identity-schemas.ts'

export interface CurrentUserRoutesOptions {
  readonly identity: Pick<Identity, 'userViews' | 'services'>
  readonly models: Pick<ServerModels, 'ofUsers'>
}

/** Who am I: what servers and services ask with every token they are shown. */
export function createCurrentUserRoutes(options: CurrentUserRoutesOptions): Route[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/hub/api/user',
      summary: 'Whose credential this is, and what it may do.',
      tag: 'users',
      authentication: 'token-or-session',
      access: { open: 'every credential may know whose it is' },
      schemas: { responses: { 200: currentUserSchema } },
      handler: ({ principal }) => buildCurrentUser(options, principal),
    }),
  ]
}

/** The model of who asks. Its scopes are those held; the name may be read even without. */
export async function buildCurrentUser(
  { identity, models }: CurrentUserRoutesOptions,
  principal: Principal,
): Promise<object> {
  const { credential, scopes } = principal
  const model = await buildModel({ identity, models }, principal)
  return {
    ...model,
    token_id: credential.kind === 'token' ? publicTokenId(credential.id) : null,
    session_id: credential.kind === 'token' ? credential.sessionId : null,
    scopes: scopes.expanded,
  }
}

async function buildModel(
  { identity, models }: CurrentUserRoutesOptions,
  principal: Principal,
): Promise<object> {
  const scopes = addIdentifyScopes(principal)
  if (principal.kind === 'service') {
    const service = await identity.services.find(principal.name)
    if (service === undefined) throw new PlatformError('not_found')
    return buildServiceModel(service, scopes)
  }
  const found = identity.userViews.findById(principal.id)
  const view = found instanceof Promise ? await found : found
  const [model] =
    view === undefined ? [] : await buildUserModels([view], scopes, models, { includeStopped: false })
  if (model === undefined) throw new PlatformError('not_found')
  return model
}

function addIdentifyScopes(principal: Principal): ScopeSet {
  const { scopes } = principal
  const missing = buildIdentifyScopes(principal).filter((scope) => !holds(scopes, scope, principal))
  // Filters on groups keep their meaning: only scopes on the owner's own name are added, which no group decides.
  return missing.length === 0 ? scopes : addOwnScopes(scopes, missing)
}

function holds(scopes: ScopeSet, scope: string, { kind, name }: Principal): boolean {
  return scopes.allows(scope.split('!', 1)[0] ?? '', kind === 'user' ? { user: name } : { service: name })
}

function addOwnScopes(scopes: ScopeSet, own: readonly string[]): ScopeSet {
  const added = buildScopeSet(own, () => false)
  return {
    expanded: scopes.expanded,
    filterOf: (scope) => scopes.filterOf(scope) ?? added.filterOf(scope),
    allows: (scope, resource) => scopes.allows(scope, resource) || added.allows(scope, resource),
  }
}
