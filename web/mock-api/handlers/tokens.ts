import type { HubCreatedToken, HubShare, HubShareCode, HubToken } from '@atrium/contract/hub-models.ts'

import { MockError, type MockRequest, type MockRoutes } from '#mock-api/router.ts'

/** Tokens and shares. */
export const tokenRoutes: MockRoutes = {
  'GET /hub/api/users/:user/tokens': ({ state, params }): { api_tokens: HubToken[] } => ({
    api_tokens: state.tokens.filter((token) => token.user === params['user']),
  }),
  'POST /hub/api/users/:user/tokens': createToken,
  'DELETE /hub/api/users/:user/tokens/:token': ({ state, params }) => {
    state.tokens = state.tokens.filter((token) => token.id !== params['token'])
  },
  'GET /hub/api/users/:user/shared': ({ state, params }): { items: HubShare[] } => ({
    items: state.shares.filter((share) => share.user?.name === params['user']),
  }),
  'DELETE /hub/api/users/:user/shared/:owner/:server': ({ state, params }) => {
    state.shares = state.shares.filter((share) => share.user?.name !== params['user'])
  },
  'GET /hub/api/shares/:owner/:server': (request) => ({ items: sharesOf(request) }),
  'POST /hub/api/shares/:owner/:server': createShare,
  'PATCH /hub/api/shares/:owner/:server': (request) => {
    const { user, group } = request.body
    const gone = sharesOf(request).find((share) =>
      user ? share.user?.name === user : share.group?.name === group,
    )
    request.state.shares = request.state.shares.filter((share) => share !== gone)
    return {}
  },
  'GET /hub/api/share-codes/:owner/:server': (request) => ({
    items: request.state.shareCodes.filter((code) => isOf(code, request)),
  }),
  'POST /hub/api/share-codes/:owner/:server': createShareCode,
  'DELETE /hub/api/share-codes/:owner/:server': ({ state, url }) => {
    state.shareCodes = state.shareCodes.filter((code) => code.id !== url.searchParams.get('id'))
  },
}

function createToken({ state, params, body, nowMs }: MockRequest): HubCreatedToken {
  const scopes = (body['scopes'] as string[] | undefined) ?? ['inherit']
  const unknown = scopes.find((scope) => scope.includes('nonsense'))
  if (unknown) throw new MockError(400, 'bad_request', `Scope does not exist: ${unknown}`)
  const lifetimeS = Number(body['expires_in'] ?? 0)
  const user = params['user'] ?? ''
  const token = {
    kind: 'api_token' as const,
    id: `a${state.nextId++}`,
    user,
    scopes,
    note: String(body['note'] ?? ''),
    created: new Date(nowMs).toISOString(),
    last_activity: null,
    expires_at: lifetimeS ? new Date(nowMs + lifetimeS * 1000).toISOString() : null,
    oauth_client: 'JupyterHub',
  }
  state.tokens.push(token)
  return { ...token, token: 'mock-0123456789abcdef0123456789abcdef' }
}

function createShare(request: MockRequest): HubShare {
  const { user, group } = request.body as { user?: string; group?: string }
  if (user && !request.state.users.some((each) => each.name === user)) {
    throw new MockError(400, 'bad_request', `No such user: ${user}`)
  }
  const share: HubShare = {
    kind: group ? 'group' : 'user',
    server: serverOf(request),
    user: user ? { name: user } : null,
    group: group ? { name: group } : null,
    scopes: ['access:servers'],
    created_at: new Date(request.nowMs).toISOString(),
    expires_at: null,
  }
  request.state.shares.push(share)
  return share
}

function createShareCode(request: MockRequest): HubShareCode {
  const code: HubShareCode = {
    id: `sc_${request.state.nextId++}`,
    server: serverOf(request),
    scopes: ['access:servers'],
    created_at: new Date(request.nowMs).toISOString(),
    expires_at: new Date(request.nowMs + Number(request.body['expires_in']) * 1000).toISOString(),
    exchange_count: 0,
    last_exchanged_at: null,
  }
  request.state.shareCodes.push(code)
  return { ...code, code: 'mock-code', accept_url: '/hub/accept-share?code=mock-code', full_accept_url: null }
}

function sharesOf(request: MockRequest): HubShare[] {
  return request.state.shares.filter((share) => isOf(share, request))
}

function isOf({ server }: Pick<HubShare, 'server'>, { params }: MockRequest): boolean {
  return server.user.name === params['owner'] && server.name === params['server']
}

function serverOf({ params }: MockRequest): HubShare['server'] {
  const owner = params['owner'] ?? ''
  const name = params['server'] ?? ''
  return { user: { name: owner }, name, url: `/user/${owner}/${name && `${name}/`}`, ready: true }
}
