import { defaultRoles, selfScopes } from '@atrium/contract/permissions.ts'
import type { PageContent, PortalPage } from '@atrium/contract/portal-page.ts'

import type { MockUser } from './mock-state.ts'
import { describeScope } from './seed.ts'

/** The data of a page for this user. Some addresses stand for pages that only the control plane can decide on. */
export function buildMockPage(url: URL, user: MockUser | undefined, groups: readonly string[]): PortalPage {
  return {
    version: '0.1.0',
    platformName: 'Atrium',
    xsrfToken: 'mock-xsrf',
    user: user ? { name: user.name, admin: user.admin, groups, scopes: listScopes(user) } : null,
    signIn: { password: true, providers: [] },
    content: findContent(url),
  }
}

/** What `jobs` and `clusters` bring along. */
const impliedOwn = ['read:jobs', 'read:clusters', 'access:clusters']

function listScopes({ name, admin }: MockUser): string[] {
  const own = [...selfScopes, ...impliedOwn, 'shares', 'list:services', 'read:services'].map(
    (scope) => `${scope}!user=${name}`,
  )
  const all = defaultRoles.find((role) => role.name === 'admin')?.scopes ?? []
  const implied = [
    'list:users',
    'list:groups',
    'read:jobs',
    'read:clusters',
    'access:clusters',
    'read:quotas',
    'read:usage',
    'read:roles',
    'groups',
    'delete:groups',
  ]
  const servers = [
    'read:servers',
    'start:servers',
    'delete:servers',
    'read:tokens',
    'users',
    'read:users',
    'read:users:name',
    'read:groups:name',
  ]
  // Bob heads a group.
  const heads = name === 'bob' ? ['read:usage!group=astro'] : []
  return admin ? [...all, ...implied, ...servers, ...own] : [...own, ...heads]
}

function findContent({ pathname, searchParams }: URL): PageContent {
  const describe = (scope: string) => ({ scope, description: describeScope(scope) })
  switch (pathname) {
    case '/hub/api/oauth2/authorize':
      return {
        kind: 'consent',
        consent: {
          clientId: 'service-grafana',
          clientName: 'Grafana',
          redirectHost: 'grafana.example.org',
          scopes: ['access:services!service=grafana', 'read:users:groups!user'].map(describe),
        },
      }
    case '/hub/accept-share':
      return {
        kind: 'accept-share',
        share: { owner: 'bob', server: 'lab', scopes: ['access:servers!server=bob/lab'].map(describe) },
      }
    case '/hub/error':
      return buildError(Number(searchParams.get('status') ?? 500))
    default:
      return { kind: 'portal' }
  }
}

function buildError(status: number): PageContent {
  const messages: Record<number, string> = {
    403: 'You may not open the server of bob.',
    404: 'There is no user of this name.',
    424: 'Your server is not running.',
  }
  const message = messages[status] ?? 'Something went wrong on our side. The log has the details.'
  const action = status === 424 ? { label: 'Start it', url: '/hub/spawn' } : undefined
  return { kind: 'error', status, message, ...(action && { action }) }
}
