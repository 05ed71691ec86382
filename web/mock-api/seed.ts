import { defaultRoles, isScope, scopeTable } from '@atrium/contract/permissions.ts'
import type { RoleView } from '@atrium/contract/roles-api.ts'

import type { MockServer, MockState, MockUser } from './mock-state.ts'
import { buildClusters } from './seed-clusters.ts'
import { buildAudit, buildJobs } from './seed-history.ts'
import { buildRuns, buildSchedules } from './seed-runs.ts'

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs
const forever = Number.POSITIVE_INFINITY

const firstNames =
  'ben carla dario elif finn grace hana ivo jun kofi lena mei noor omar priya quinn rosa sami tess uma'
const lastNames = 'berg costa dahl eriksen fontana garcia'

/** A platform with enough in it to look at every page. `ada` is administrator, `alice` and `bob` are users. */
export function createMockState(nowMs: number): MockState {
  return {
    users: listUsers(nowMs),
    groups: listGroups(),
    tokens: listTokens(nowMs),
    shares: [],
    shareCodes: [],
    services: listServices(),
    roles: listRoles(),
    jobs: buildJobs(nowMs),
    clusters: buildClusters(nowMs),
    runs: buildRuns(nowMs),
    schedules: buildSchedules(nowMs),
    audit: buildAudit(nowMs),
    sessions: [
      {
        id: 's1',
        current: true,
        createdAtMs: nowMs - 3 * hourMs,
        lastActivityAtMs: nowMs,
        expiresAtMs: nowMs + 14 * dayMs,
        remote: '10.1.4.22',
        userAgent: 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/142.0 Safari/537.36',
      },
      {
        id: 's2',
        current: false,
        createdAtMs: nowMs - 5 * dayMs,
        lastActivityAtMs: nowMs - 2 * dayMs,
        expiresAtMs: nowMs + 9 * dayMs,
        remote: '10.1.9.3',
        userAgent: 'Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605 Safari/604.1',
      },
    ],
    invitations: [
      {
        id: '1',
        username: 'frida',
        groups: ['astro'],
        createdBy: 'user:ada',
        createdAtMs: nowMs - dayMs,
        expiresAtMs: nowMs + 6 * dayMs,
      },
    ],
    isDown: false,
    nextId: 1000,
  }
}

function listGroups(): MockState['groups'] {
  return [
    {
      kind: 'group',
      name: 'astro',
      users: ['alice', 'bob', 'ben.berg'],
      roles: ['gpu-users'],
      properties: {},
    },
    {
      kind: 'group',
      name: 'students-2026',
      users: ['carla.berg', 'dario.berg'],
      roles: [],
      properties: {},
    },
    { kind: 'group', name: 'operators', users: ['ada'], roles: ['admin'], properties: {} },
  ]
}

function listServices(): MockState['services'] {
  return [
    {
      kind: 'service',
      name: 'culler',
      admin: false,
      roles: ['idle-culler'],
      url: null,
      command: ['python3', '-m', 'jupyterhub_idle_culler'],
      display: false,
    },
    {
      kind: 'service',
      name: 'grafana',
      admin: false,
      roles: [],
      url: 'http://127.0.0.1:3000',
      prefix: '/services/grafana/',
      display: true,
    },
  ]
}

function listUsers(nowMs: number): MockUser[] {
  const named: MockUser[] = [
    {
      name: 'ada',
      admin: true,
      createdAtMs: nowMs - 90 * dayMs,
      lastActivityAtMs: nowMs,
      servers: adasServers(nowMs),
    },
    { name: 'alice', admin: false, createdAtMs: nowMs - 60 * dayMs, lastActivityAtMs: nowMs, servers: [] },
    {
      name: 'bob',
      admin: false,
      createdAtMs: nowMs - 40 * dayMs,
      lastActivityAtMs: nowMs - 12 * minuteMs,
      servers: [runningServer('', nowMs - 2 * hourMs, { endsAtMs: nowMs + 8 * minuteMs })],
    },
  ]
  const others = lastNames
    .split(' ')
    .flatMap((last) => firstNames.split(' ').map((first) => `${first}.${last}`))
  return [
    ...named,
    ...others.map((name, index) => ({
      name,
      admin: false,
      createdAtMs: nowMs - (index + 1) * dayMs,
      ...(index % 4 !== 3 && { lastActivityAtMs: nowMs - index * 3 * hourMs }),
      servers: index % 17 === 2 ? [runningServer('', nowMs - index * hourMs)] : [],
    })),
  ].sort((a, b) => a.name.localeCompare(b.name))
}

function runningServer(name: string, askedAtMs: number, rest: Partial<MockServer> = {}): MockServer {
  return { name, profile: 'small', askedAtMs, queuedMs: 0, startingMs: 300, fails: false, ...rest }
}

function adasServers(nowMs: number): MockServer[] {
  return [
    runningServer('', nowMs - 5 * hourMs, {
      endsAtMs: nowMs + 3 * hourMs + 12 * minuteMs,
      idle: {
        inUse: true,
        reasons: [
          { text: 'A kernel of analysis.ipynb is busy.', atMs: nowMs },
          { text: 'A terminal is in use.', atMs: nowMs },
        ],
      },
    }),
    runningServer('notes', nowMs - 2 * hourMs, {
      idle: {
        inUse: false,
        warned: true,
        stopsAtMs: nowMs + 4.5 * minuteMs,
        reasons: [{ text: 'A kernel was busy.', atMs: nowMs - 55 * minuteMs }],
      },
    }),
    runningServer('gpu', nowMs - 9 * minuteMs, {
      profile: 'gpu',
      queuedMs: forever,
      restarts: {
        count: 2,
        reason: 'preempted',
        message: 'A job of higher priority needed its node.',
        atMs: nowMs - 9 * minuteMs,
      },
    }),
    { ...runningServer('etl', nowMs - 20 * minuteMs), fails: true },
    { name: 'review', queuedMs: 0, startingMs: 900, fails: false, profile: 'small' },
  ]
}

function listTokens(nowMs: number): MockState['tokens'] {
  const iso = (agoMs: number) => new Date(nowMs - agoMs).toISOString()
  const token = { kind: 'api_token', user: 'ada', session_id: null, oauth_client: 'JupyterHub' } as const
  return [
    {
      ...token,
      id: 'a1',
      scopes: ['read:users', 'list:users', 'servers'],
      note: 'nightly report',
      created: iso(20 * dayMs),
      last_activity: iso(9 * hourMs),
      expires_at: iso(-345 * dayMs),
    },
    {
      ...token,
      id: 'a2',
      scopes: ['access:servers!user=ada', 'servers!user=ada', 'read:users!user=ada', 'tokens!user=ada'],
      note: 'VS Code on the laptop',
      created: iso(3 * dayMs),
      last_activity: iso(4 * minuteMs),
      expires_at: null,
    },
    {
      ...token,
      id: 'a3',
      oauth_client: 'Server at /user/ada/',
      scopes: ['access:servers!server=ada/', 'read:users:name!user=ada'],
      note: '',
      created: iso(5 * hourMs),
      last_activity: iso(minuteMs),
      expires_at: iso(-13 * dayMs),
    },
    {
      ...token,
      id: 'a4',
      oauth_client: 'grafana',
      scopes: ['access:services!service=grafana'],
      note: '',
      created: iso(11 * dayMs),
      last_activity: null,
      expires_at: iso(-3 * dayMs),
    },
  ]
}

function listRoles(): RoleView[] {
  const extra = [
    { name: 'gpu-users', description: 'May use profiles with a GPU', scopes: ['read:nodes'] },
    {
      name: 'idle-culler',
      description: 'Stops idle servers',
      scopes: ['list:users', 'read:users:activity', 'servers'],
    },
  ]
  const holders: Record<string, RoleView['holders']> = {
    admin: [
      { kind: 'group', name: 'operators', managed: false },
      { kind: 'user', name: 'ada', managed: true },
    ],
    'gpu-users': [{ kind: 'group', name: 'astro', managed: false }],
    'idle-culler': [{ kind: 'service', name: 'culler', managed: true }],
  }
  return [...defaultRoles, ...extra].map((role) => ({
    name: role.name,
    description: role.description,
    managed: true,
    assignable: !defaultRoles.some((each) => each.name === role.name),
    scopes: [...role.scopes],
    effects: role.scopes.map((scope) => ({ scope, description: describeScope(scope) })),
    holders: holders[role.name] ?? [],
  }))
}

/** The words of the permission table; the filter is left out. */
export function describeScope(scope: string): string {
  const [name = ''] = scope.split('!')
  return isScope(name) ? scopeTable[name].description : scope
}
