import { defaultServerSegment } from '@atrium/contract/servers.ts'

import { withQuery } from '#paths.ts'

const segment = encodeURIComponent

/** JupyterHub's REST API. */
const hub = '/hub/api'
/** Atrium's own. */
const atrium = '/api/v1'

/** Every address the portal asks, in one place. */
export const endpoints = {
  session: `${atrium}/session`,
  account: { password: `${atrium}/account/password`, sessions: `${atrium}/account/sessions` },
  accountSession: (id: string) => `${atrium}/account/sessions/${segment(id)}`,
  links: { inspect: `${atrium}/links/inspect`, use: `${atrium}/links/use` },
  invitations: `${atrium}/invitations`,
  invitation: (id: string) => `${atrium}/invitations/${segment(id)}`,
  userLinks: (user: string) => `${atrium}/users/${segment(user)}/links`,

  profiles: `${atrium}/profiles`,
  serverDetails: (user: string) => `${atrium}/servers/${segment(user)}`,
  serverLog: (user: string, server: string) =>
    `${atrium}/servers/${segment(user)}/${atriumServer(server)}/log`,
  keepRunning: (user: string, server: string) =>
    `${atrium}/servers/${segment(user)}/${atriumServer(server)}/keep-running`,
  server: (user: string, server: string) =>
    server
      ? `${hub}/users/${segment(user)}/servers/${segment(server)}`
      : `${hub}/users/${segment(user)}/server`,
  progress: (user: string, server: string) => `${endpoints.server(user, server)}/progress`,

  users: `${hub}/users`,
  user: (name: string) => `${hub}/users/${segment(name)}`,
  tokens: (user: string) => `${hub}/users/${segment(user)}/tokens`,
  token: (user: string, id: string) => `${hub}/users/${segment(user)}/tokens/${segment(id)}`,
  sharedWith: (user: string) => `${hub}/users/${segment(user)}/shared`,
  sharedWithOne: (user: string, owner: string, server: string) =>
    `${hub}/users/${segment(user)}/shared/${segment(owner)}/${segment(server)}`,
  shares: (owner: string, server: string) => `${hub}/shares/${segment(owner)}/${segment(server)}`,
  shareCodes: (owner: string, server: string) => `${hub}/share-codes/${segment(owner)}/${segment(server)}`,
  groups: `${hub}/groups`,
  group: (name: string) => `${hub}/groups/${segment(name)}`,
  groupUsers: (name: string) => `${hub}/groups/${segment(name)}/users`,
  services: `${hub}/services`,

  jobs: `${atrium}/jobs`,
  job: (key: string) => `${atrium}/jobs/${segment(key)}`,
  jobLog: (key: string) => `${atrium}/jobs/${segment(key)}/log`,
  clusters: `${atrium}/clusters`,
  cluster: (name: string) => `${atrium}/clusters/${segment(name)}`,
  clusterScale: (name: string) => `${atrium}/clusters/${segment(name)}/scale`,
  /** Of the scheduler, or of one worker. */
  clusterLog: (name: string, worker?: string) =>
    withQuery(`${atrium}/clusters/${segment(name)}/log`, { worker }),
  runs: `${atrium}/runs`,
  run: (id: number) => `${atrium}/runs/${id}`,
  runAgain: (id: number) => `${atrium}/runs/${id}/again`,
  runLog: (id: number, query: { index?: number; try?: number } = {}) =>
    withQuery(`${atrium}/runs/${id}/log`, query),
  schedules: `${atrium}/schedules`,
  schedule: (id: number) => `${atrium}/schedules/${id}`,
  scheduleRun: (id: number) => `${atrium}/schedules/${id}/run`,
  queue: `${atrium}/queue`,
  quotas: `${atrium}/quotas`,
  userHome: (user: string) => `${atrium}/users/${segment(user)}/home`,
  userQuotas: (user: string) => `${atrium}/quotas/${segment(user)}`,
  usage: `${atrium}/usage`,
  nodes: `${atrium}/nodes`,
  roles: `${atrium}/roles`,
  roleHolder: (role: string, kind: string, name: string) =>
    `${atrium}/roles/${segment(role)}/holders/${kind}/${segment(name)}`,
  audit: `${atrium}/audit`,
  status: `${atrium}/status`,
}

function atriumServer(server: string): string {
  return server ? segment(server) : defaultServerSegment
}
