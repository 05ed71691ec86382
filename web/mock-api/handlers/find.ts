import type { MockServer, MockUser } from '#mock-api/mock-state.ts'
import { MockError, type MockRequest } from '#mock-api/router.ts'

/** The user the path names. */
export function findUser({ state, params }: MockRequest): MockUser {
  const user = state.users.find((each) => each.name === params['user'])
  if (!user) throw new MockError(404, 'not_found', 'No such user.')
  return user
}

/** The server the path names; `-` and nothing are the default one. */
export function findServer(request: MockRequest): { user: MockUser; server: MockServer } {
  const user = findUser(request)
  const wanted = request.params['server'] ?? ''
  const name = wanted === '-' ? '' : wanted
  let server = user.servers.find((each) => each.name === name)
  if (!server) {
    server = { name, queuedMs: 0, startingMs: 900, fails: false }
    if (request.method === 'POST') user.servers.push(server)
  }
  return { user, server }
}
