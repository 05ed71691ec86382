import { PlatformError } from '@atrium/contract/errors.ts'
import type { HubToken } from '@atrium/contract/hub-models.ts'
import { Type } from 'typebox'

import { defineRoute, type Route } from '#http/define-route.ts'
import { formatTime } from '#http/hub-models.ts'
import { parseTokenRequest, type TokenRequest } from '#http/token-request.ts'
import type { CredentialOwner } from '#identity/credential-owner.ts'
import type { Identity } from '#identity/identity.ts'
import { printable } from '#identity/names.ts'
import { actorOf, type Principal } from '#identity/principal.ts'
import type { ScopeSet } from '#identity/scope-set.ts'
import { publicTokenId, type Token } from '#identity/tokens.ts'
import type { User } from '#identity/users.ts'

import { createdTokenSchema, createTokenSchema, tokenModelSchema } from './identity-schemas.ts'

export interface TokenRoutesOptions {
  readonly identity: Pick<Identity, 'users' | 'tokens' | 'roles' | 'grants' | 'passwords'>
}

const common = { tag: 'tokens', checkedBy: 'handler' } as const
const listPath = '/hub/api/users/:user/tokens'
const onePath = '/hub/api/users/:user/tokens/:token'

/** Tokens of users: list, look, make, revoke. */
export function createTokenRoutes({ identity }: TokenRoutesOptions): Route[] {
  return [listRoute(identity), createRoute(identity), showRoute(identity), revokeRoute(identity)]
}

type Params = Readonly<Record<string, string>>
type TokenIdentity = TokenRoutesOptions['identity']

function listRoute({ users, tokens }: TokenIdentity): Route {
  return defineRoute({
    ...common,
    method: 'GET',
    path: listPath,
    summary: 'Tokens of a user that have not expired, the longest unused first.',
    authentication: 'token-or-session',
    access: { anyOf: ['read:tokens'], on: 'user' },
    schemas: { responses: { 200: Type.Object({ api_tokens: Type.Array(tokenModelSchema) }) } },
    async handler({ params }) {
      const owner = await getOwner({ users }, params)
      const scopes = await tokens.effectiveScopes(owner)
      const list = await tokens.list(owner)
      return { api_tokens: list.map((token) => buildTokenModel(token, scopes.get(token.id) ?? [])) }
    },
  })
}

function showRoute({ users, tokens }: TokenIdentity): Route {
  return defineRoute({
    ...common,
    method: 'GET',
    path: onePath,
    summary: 'One token, without its secret.',
    authentication: 'token-or-session',
    access: { anyOf: ['read:tokens'], on: 'user' },
    schemas: { responses: { 200: tokenModelSchema } },
    async handler({ params }) {
      const owner = await getOwner({ users }, params)
      const token = await tokens.find(owner, tokenIn(params))
      if (token === undefined) throw noToken(params)
      const scopes = await tokens.effectiveScopes(owner)
      return buildTokenModel(token, scopes.get(token.id) ?? [])
    },
  })
}

function createRoute(identity: TokenIdentity): Route {
  const { users, tokens } = identity
  return defineRoute({
    ...common,
    method: 'POST',
    path: listPath,
    summary: 'Makes a token. Without a credential, `auth` may bring a name and a password.',
    authentication: 'optional',
    access: {
      open: 'the requester may come with a password in the body; the handler demands `tokens` for the user',
    },
    schemas: { body: createTokenSchema, responses: { 201: createdTokenSchema } },
    async handler(request, reply) {
      const wanted = parseTokenRequest(request.body)
      const requester = await identifyRequester(identity, request.principal, wanted, request.remote)
      const name = nameIn(request.params)
      const user = await users.find(name)
      if (user === undefined || !requester.scopes.allows('tokens', { user: name }))
        throw mayNot(requester, name)
      const owner = ownerOf(user)
      const { token, secret } = await tokens.create(
        {
          owner,
          scopes: await findScopes(identity, wanted),
          note: wanted.note ?? noteOf(requester, user),
          ...(wanted.expiresInS === undefined ? {} : { expiresInMs: wanted.expiresInS * 1000 }),
        },
        { name: requester.actor, remote: request.remote },
      )
      const scopes = await tokens.effectiveScopes(owner)
      reply.code(201)
      return { ...buildTokenModel(token, scopes.get(token.id) ?? []), token: secret }
    },
  })
}

function revokeRoute({ users, tokens }: TokenIdentity): Route {
  return defineRoute({
    ...common,
    method: 'DELETE',
    path: onePath,
    summary: 'Revokes a token; of an OAuth client’s, all that it has of this user.',
    authentication: 'token-or-session',
    access: { anyOf: ['tokens'], on: 'user' },
    schemas: { responses: { 204: null } },
    async handler(request, reply) {
      const { params } = request
      const owner = await getOwner({ users }, params)
      if ((await tokens.find(owner, tokenIn(params))) === undefined) throw noToken(params)
      await tokens.revoke(owner, tokenIn(params), request.actor())
      return reply.code(204).send()
    },
  })
}

/** A token as JupyterHub's clients see it. */
function buildTokenModel(
  token: Token,
  scopes: readonly string[],
): Required<Omit<HubToken, 'user' | 'service'>> {
  return {
    [token.owner.kind]: token.owner.name,
    id: publicTokenId(token.id),
    kind: 'api_token',
    roles: [],
    scopes,
    created: formatTime(token.createdAtMs),
    last_activity: token.lastActivityAtMs === null ? null : formatTime(token.lastActivityAtMs),
    expires_at: token.expiresAtMs === null ? null : formatTime(token.expiresAtMs),
    note: token.note,
    session_id: token.sessionId,
    oauth_client: token.clientName,
  }
}

/** Who asks for a token, by credential or by password. */
interface Requester {
  readonly kind: 'user' | 'service'
  readonly name: string
  readonly actor: string
  readonly scopes: ScopeSet
}

async function identifyRequester(
  { grants, passwords }: TokenIdentity,
  principal: Principal | undefined,
  { auth }: TokenRequest,
  remote: string,
): Promise<Requester> {
  if (principal !== undefined) {
    return { kind: principal.kind, name: principal.name, actor: actorOf(principal), scopes: principal.scopes }
  }
  if (auth === undefined) throw new PlatformError('forbidden')
  const user = await passwords.signIn(auth.username, auth.password, remote)
  const scopes = await grants.scopeSetOf(ownerOf(user))
  return { kind: 'user', name: user.name, actor: `user:${user.name}`, scopes }
}

/** Scopes as asked for: written out, by the names of roles, or all that the owner has. Throws `bad_request` for an unknown role. */
async function findScopes({ roles }: TokenIdentity, wanted: TokenRequest): Promise<readonly string[]> {
  if (wanted.scopes !== undefined) return wanted.scopes
  if (wanted.roles === undefined) return (await roles.find('token'))?.scopes ?? ['inherit']
  const found = await Promise.all(
    wanted.roles.map(async (name) => {
      const role = await roles.find(name)
      if (role === undefined)
        throw new PlatformError('bad_request', { message: `No such role: ${printable(name)}` })
      return role.scopes
    }),
  )
  return found.flat()
}

function noteOf({ kind, name }: Requester, user: User): string {
  const isOwn = kind === 'user' && name === user.name
  return isOwn ? 'Requested via api' : `Requested via api by ${kind} ${name}`
}

function mayNot({ kind }: Requester, name: string): PlatformError {
  return new PlatformError('forbidden', {
    message: `${kind === 'user' ? 'User' : 'Service'} ${printable(name)} not found or no permissions to generate tokens`,
  })
}

async function getOwner({ users }: Pick<TokenIdentity, 'users'>, params: Params): Promise<CredentialOwner> {
  const name = nameIn(params)
  const user = await users.find(name)
  if (user === undefined)
    throw new PlatformError('not_found', { message: `No such user: ${printable(name)}` })
  return ownerOf(user)
}

function ownerOf({ id, name }: User): CredentialOwner {
  return { kind: 'user', id, name }
}

function nameIn(params: Params): string {
  return params['user'] ?? ''
}

function tokenIn(params: Params): string {
  return params['token'] ?? ''
}

function noToken(params: Params): PlatformError {
  return new PlatformError('not_found', {
    message: `No such token ${printable(tokenIn(params))} for user ${printable(nameIn(params))}`,
  })
}
