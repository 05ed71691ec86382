import type {
  BrowserSession,
  CreatedLink,
  Invitation,
  OneTimeLink,
  SignInResponse,
} from '@atrium/contract/account.ts'

import { MockError, type MockRequest, type MockRoutes } from '#mock-api/router.ts'

const dayMs = 86_400_000

/** Signing in, one-time links, the own account, invitations. Any password is right but `wrong`; any link secret is good but `used`. */
export const accountRoutes: MockRoutes = {
  'POST /api/v1/session': signIn,
  'GET /hub/logout': () =>
    new Response(null, {
      status: 302,
      headers: { location: '/hub/login', 'set-cookie': 'mock-user=; Path=/; Max-Age=0' },
    }),
  'POST /api/v1/links/inspect': inspectLink,
  'POST /api/v1/links/use': useLink,
  'GET /api/v1/account/sessions': ({ state }): BrowserSession[] => state.sessions,
  'DELETE /api/v1/account/sessions/:session': ({ state, params }) => {
    state.sessions = state.sessions.filter((session) => session.id !== params['session'])
  },
  'POST /api/v1/account/password': ({ state, body }) => {
    if (body['currentPassword'] === 'wrong') {
      throw new MockError(403, 'wrong_password', 'The current password is wrong.')
    }
    state.sessions = state.sessions.filter((session) => session.current)
  },
  'GET /api/v1/invitations': ({ state }): Invitation[] => state.invitations,
  'POST /api/v1/invitations': createInvitation,
  'DELETE /api/v1/invitations/:invitation': ({ state, params }) => {
    state.invitations = state.invitations.filter((each) => each.id !== params['invitation'])
  },
  'POST /api/v1/users/:user/links': ({ nowMs, url, body }): CreatedLink => {
    const page = body['purpose'] === 'sign-in' ? 'first-visit' : 'set-password'
    return { id: '9', url: `${url.origin}/hub/${page}#token=mock-secret`, expiresAtMs: nowMs + 7 * dayMs }
  },
}

function signIn({ body, state }: MockRequest): Response {
  const name = String(body['username'])
  if (body['password'] === 'wrong' || !state.users.some((user) => user.name === name)) {
    throw new MockError(403, 'wrong_password', 'Invalid username or password')
  }
  return enter(name, String(body['next'] ?? '/hub/home'))
}

function inspectLink({ body, nowMs }: MockRequest): OneTimeLink {
  const expiresAtMs = nowMs + 7 * dayMs
  switch (body['secret']) {
    case 'first-visit':
      return { purpose: 'sign-in', user: 'ada', expiresAtMs }
    case 'set-password':
      return { purpose: 'set-password', user: 'alice', expiresAtMs }
    case 'invitation':
      return { purpose: 'invitation', invitedBy: 'user:ada', groups: ['astro'], expiresAtMs }
    default:
      throw new MockError(410, 'gone', 'This link was used or has expired.')
  }
}

function useLink(request: MockRequest): Response {
  const link = inspectLink(request)
  const name = link.user ?? String(request.body['username'])
  if (name === 'bob' && !link.user) throw new MockError(409, 'conflict', 'This name is taken.')
  if (!request.state.users.some((user) => user.name === name)) {
    request.state.users.push({ name, admin: false, createdAtMs: request.nowMs, servers: [] })
  }
  return enter(name, '/hub/home')
}

function createInvitation({ state, body, url, nowMs }: MockRequest): CreatedLink {
  const expiresAtMs = nowMs + Number(body['expiresInMs'] ?? 7 * dayMs)
  const id = String(state.nextId++)
  state.invitations.push({
    id,
    groups: (body['groups'] as string[] | undefined) ?? [],
    createdBy: 'user:ada',
    createdAtMs: nowMs,
    expiresAtMs,
    ...(typeof body['username'] === 'string' && { username: body['username'] }),
  })
  return { id, url: `${url.origin}/hub/invitation#token=invitation`, expiresAtMs }
}

function enter(name: string, redirect: string): Response {
  const answer: SignInResponse = { redirect }
  return Response.json(answer, {
    headers: { 'set-cookie': `mock-user=${encodeURIComponent(name)}; Path=/; HttpOnly; SameSite=Lax` },
  })
}
