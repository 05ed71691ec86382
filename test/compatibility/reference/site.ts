/**
 * The platform the corpus is asked of, once, as data: the real JupyterHub and Atrium are both configured from it
 * (`jupyterhub.ts`, `../atrium.ts`).
 */
export interface SiteRole {
  name: string
  description: string
  scopes: readonly string[]
  users?: readonly string[]
  groups?: readonly string[]
  services?: readonly string[]
}

export interface SiteService {
  name: string
  /** Known to the corpus; Atrium reads it from a file. */
  apiToken: string
  admin?: boolean
  /** Answers under /services/NAME/ and is an OAuth client then. The port is the one of the corpus's own small web server. */
  hasWebServer?: boolean
  display?: boolean
  info?: Readonly<Record<string, unknown>>
  oauthNoConfirm?: boolean
  oauthClientAllowedScopes?: readonly string[]
}

export interface Site {
  /** Password by user. */
  users: Readonly<Record<string, string>>
  admins: readonly string[]
  groups: Readonly<
    Record<string, { users: readonly string[]; properties: Readonly<Record<string, unknown>> }>
  >
  roles: readonly SiteRole[]
  services: readonly SiteService[]
  /** Named servers a user may have. */
  namedServerLimit: number
}

/** `dave` never signs in, is in no group and is nobody's subject: what a quiet user looks like. */
export const site: Site = {
  users: {
    admin: 'correct horse admin',
    alice: 'correct horse alice',
    bob: 'correct horse bob',
    carol: 'correct horse carol',
    dave: 'correct horse dave',
  },
  admins: ['admin'],
  groups: {
    physics: { users: ['alice', 'carol'], properties: { building: 'east', floors: 3 } },
    biology: { users: ['bob'], properties: {} },
    empty: { users: [], properties: {} },
  },
  roles: [
    {
      name: 'physics-lead',
      description: 'Looks after the servers of physics',
      scopes: [
        'admin-ui',
        'list:users!group=physics',
        'read:users!group=physics',
        'admin:servers!group=physics',
        'groups!group=physics',
      ],
      users: ['carol'],
    },
    {
      name: 'sharing',
      description: 'May share own servers with anybody',
      scopes: ['shares!user', 'read:users:name', 'read:groups:name'],
      users: ['alice'],
    },
    {
      name: 'hub-reader',
      description: 'Comes with the group',
      scopes: ['read:hub'],
      groups: ['biology'],
    },
    {
      name: 'dashboard-access',
      description: 'Everybody of physics may open the dashboard',
      scopes: ['access:services!service=dashboard', 'access:services!service=board'],
      groups: ['physics'],
    },
    {
      name: 'reporting',
      description: 'What a report needs',
      scopes: ['list:users', 'read:users:activity', 'read:servers', 'list:services', 'read:metrics'],
      services: ['reporter'],
    },
    { name: 'narrow', description: 'For tokens made by role', scopes: ['read:users:name!user'] },
    { name: 'nothing', description: 'Grants nothing', scopes: [] },
  ],
  services: [
    { name: 'operator', apiToken: 'operator-token-0123456789abcdef', admin: true },
    { name: 'reporter', apiToken: 'reporter-token-0123456789abcdef' },
    {
      name: 'dashboard',
      apiToken: 'dashboard-token-0123456789abcdef',
      hasWebServer: true,
      info: { description: 'numbers' },
      oauthClientAllowedScopes: ['read:users!user', 'servers!user'],
    },
    {
      name: 'board',
      apiToken: 'board-token-0123456789abcdef0123',
      hasWebServer: true,
      display: false,
      oauthNoConfirm: true,
    },
  ],
  namedServerLimit: 3,
}
