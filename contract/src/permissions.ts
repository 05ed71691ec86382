/** What one scope allows, and which it brings along. */
interface ScopeDefinition {
  /** Shown on the consent page and in the portal. */
  readonly description: string
  /** Held by everybody who holds this one, under the same filter. */
  readonly includes?: readonly string[]
}

/**
 * Every scope: JupyterHub 6.1's by name and meaning (https://jupyterhub.readthedocs.io/en/stable/rbac/scopes.html), and after them
 * Atrium's own. `self` and `inherit` are replaced by what they stand for before anything is checked.
 */
export const scopeTable = {
  '(no_scope)': { description: 'Know who you are.' },
  self: { description: 'Everything that is yours.' },
  inherit: { description: 'Everything its owner may do.' },
  'admin-ui': {
    description: 'Open the administration pages; what can be done there needs scopes of its own.',
  },
  'admin:users': {
    description:
      'Create, read, change and delete users and their sign-in state, without their servers and tokens. As good as being administrator.',
    includes: ['admin:auth_state', 'users', 'read:roles:users', 'delete:users'],
  },
  'admin:auth_state': { description: "Read users' sign-in state." },
  users: {
    description: 'Read and change users, without servers, tokens and sign-in state.',
    includes: ['read:users', 'list:users', 'users:activity'],
  },
  'delete:users': { description: 'Delete users.' },
  'list:users': { description: 'List users, at least by name.', includes: ['read:users:name'] },
  'read:users': {
    description: 'Read users, and where their default server runs.',
    includes: ['read:users:name', 'read:users:groups', 'read:users:activity'],
  },
  'read:users:name': { description: 'Read names of users.' },
  'read:users:groups': { description: 'Read which groups users are in.' },
  'read:users:activity': { description: 'Read when users were last active.' },
  'read:roles': {
    description: 'Read who has which role.',
    includes: ['read:roles:users', 'read:roles:services', 'read:roles:groups'],
  },
  'read:roles:users': { description: "Read users' roles." },
  'read:roles:services': { description: "Read services' roles." },
  'read:roles:groups': { description: "Read groups' roles." },
  'users:activity': {
    description: 'Report when users were last active.',
    includes: ['read:users:activity'],
  },
  'admin:servers': {
    description: "Read, start, stop, create and delete users' servers and their state.",
    includes: ['admin:server_state', 'servers'],
  },
  'admin:server_state': { description: "Read and change the inner state of users' servers." },
  servers: {
    description: "Start and stop users' servers.",
    includes: ['read:servers', 'start:servers', 'delete:servers'],
  },
  'read:servers': {
    description: "Read users' names and servers, without the servers' inner state.",
    includes: ['read:users:name'],
  },
  'start:servers': { description: "Start and edit users' servers." },
  'delete:servers': { description: "Stop and delete users' servers." },
  tokens: { description: "Create, read and revoke users' tokens.", includes: ['read:tokens'] },
  'read:tokens': { description: "Read users' tokens, never their secrets." },
  'admin:groups': {
    description: 'Create, read, change and delete groups.',
    includes: ['groups', 'read:roles:groups', 'delete:groups'],
  },
  groups: {
    description: 'Read and change groups and who is in them, which can change what those users may do.',
    includes: ['read:groups', 'list:groups'],
  },
  'list:groups': { description: 'List groups, at least by name.', includes: ['read:groups:name'] },
  'read:groups': { description: 'Read groups.', includes: ['read:groups:name'] },
  'read:groups:name': { description: 'Read names of groups.' },
  'delete:groups': { description: 'Delete groups.' },
  'admin:services': {
    description: 'Create, read, change and delete services that do not come from the configuration.',
    includes: ['list:services', 'read:services', 'read:roles:services'],
  },
  'list:services': { description: 'List services, at least by name.', includes: ['read:services:name'] },
  'read:services': { description: 'Read services.', includes: ['read:services:name'] },
  'read:services:name': { description: 'Read names of services.' },
  'read:hub': { description: 'Read details of the platform itself.' },
  'access:servers': { description: "Open users' servers, by browser or API." },
  'access:services': { description: 'Open services, by browser or API.' },
  'users:shares': {
    description: 'Read and give up what is shared with a user.',
    includes: ['read:users:shares'],
  },
  'read:users:shares': { description: 'Read what is shared with a user.' },
  'groups:shares': {
    description: 'Read and give up what is shared with a group.',
    includes: ['read:groups:shares'],
  },
  'read:groups:shares': { description: 'Read what is shared with a group.' },
  'read:shares': { description: 'Read with whom servers are shared.' },
  shares: {
    description: 'Share servers and end that.',
    includes: ['access:servers', 'read:shares', 'users:shares', 'groups:shares'],
  },
  proxy: { description: 'Read and refresh the routes of the proxy.' },
  shutdown: { description: 'Stop the control plane.' },
  'read:metrics': { description: 'Read metrics.' },

  'admin:jobs': { description: 'Read and cancel jobs of users.', includes: ['read:jobs'] },
  jobs: {
    description: 'Run programs as jobs, now or on a schedule, and cancel jobs.',
    includes: ['read:jobs'],
  },
  'read:jobs': { description: 'Read jobs of users and their place in line.' },
  clusters: {
    description: 'Start, scale, use and stop Dask clusters.',
    includes: ['read:clusters', 'access:clusters'],
  },
  'read:clusters': { description: 'Read Dask clusters, without the keys to them.' },
  'access:clusters': { description: 'Open dashboards of Dask clusters, and compute on them.' },
  'read:nodes': { description: 'Read the load of the machines.' },
  'admin:quotas': { description: 'Read and change quotas.', includes: ['read:quotas'] },
  'read:quotas': { description: 'Read quotas and how much of them is used.' },
  'read:usage': { description: 'Read what was used: core hours, GPU hours, memory, and their cost.' },
  'admin:roles': { description: 'Read roles, give and take them.', includes: ['read:roles'] },
  'read:audit': { description: 'Read the audit log.' },
} as const satisfies Record<string, ScopeDefinition>

/** A scope without filter. */
export type Scope = keyof typeof scopeTable

/** What a filter can name: `read:users!group=physics`. */
export const filterKinds = ['user', 'group', 'server', 'service'] as const

export type FilterKind = (typeof filterKinds)[number]

/** Scopes that each user has for what is theirs: what `self` stands for, before `includes`. */
export const selfScopes = [
  'read:users',
  'users:shares',
  'read:shares',
  'users:activity',
  'servers',
  'tokens',
  'access:servers',
  'jobs',
  'clusters',
  'read:quotas',
  'read:usage',
] as const satisfies readonly Scope[]

/** A role that exists without configuration. */
export interface DefaultRole {
  readonly name: string
  readonly description: string
  readonly scopes: readonly string[]
}

/** JupyterHub's four; its administrators have Atrium's own scopes too. */
export const defaultRoles = [
  { name: 'user', description: 'What every user may do', scopes: ['self'] },
  {
    name: 'admin',
    description: 'May do everything',
    scopes: [
      'admin-ui',
      'admin:users',
      'admin:servers',
      'admin:services',
      'tokens',
      'admin:groups',
      'list:services',
      'read:services',
      'read:hub',
      'proxy',
      'shutdown',
      'access:services',
      'access:servers',
      'read:roles',
      'read:metrics',
      'shares',
      'admin:jobs',
      'clusters',
      'read:nodes',
      'admin:quotas',
      'read:usage',
      'admin:roles',
      'read:audit',
    ],
  },
  {
    name: 'server',
    description: "A server's own token",
    scopes: ['users:activity!user', 'access:servers!server', 'clusters!user', 'jobs!user'],
  },
  { name: 'token', description: 'Everything its owner may do', scopes: ['inherit'] },
] as const satisfies readonly DefaultRole[]

/** True for a scope that exists; filters are not looked at. */
export function isScope(name: string): name is Scope {
  return Object.hasOwn(scopeTable, name)
}
