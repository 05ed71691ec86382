/** JupyterHub's prefix: the portal's pages live on its paths, so that links from other tools keep working. */
export const hubPrefix = '/hub'

const segment = encodeURIComponent

type Query = Readonly<Record<string, string | number | undefined>>

/** `path?a=b`, without what is undefined or empty. */
export function withQuery(path: string, query: Query): string {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') parameters.set(name, String(value))
  }
  const text = parameters.toString()
  return text ? `${path}?${text}` : path
}

/** The portal's own pages, below `hubPrefix`: for the router and its links. */
export const paths = {
  home: () => '/home',
  spawn: (user: string, server = '') =>
    server ? `/spawn/${segment(user)}/${segment(server)}` : `/spawn/${segment(user)}`,
  spawnPending: (user: string, server = '') =>
    server ? `/spawn-pending/${segment(user)}/${segment(server)}` : `/spawn-pending/${segment(user)}`,
  compute: () => '/compute',
  clusters: () => '/compute/clusters',
  cluster: (name: string) => `/compute/clusters/${segment(name)}`,
  runs: (query: Query = {}) => withQuery('/compute/runs', query),
  run: (id: number) => `/compute/runs/${id}`,
  schedules: () => '/compute/schedules',
  schedule: (id: number) => `/compute/schedules/${id}`,
  newSchedule: () => '/compute/schedules/new',
  editSchedule: (id: number) => `/compute/schedules/${id}/edit`,
  tokens: () => '/token',
  activity: () => '/activity',
  usage: () => '/usage',
  account: () => '/account',
  login: (next?: string) => withQuery('/login', { next }),
  admin: {
    users: (query: Query = {}) => withQuery('/admin', query),
    user: (name: string) => `/admin/users/${segment(name)}`,
    groups: () => '/admin/groups',
    group: (name: string) => `/admin/groups/${segment(name)}`,
    roles: () => '/admin/roles',
    role: (name: string) => `/admin/roles/${segment(name)}`,
    jobs: (query: Query = {}) => withQuery('/admin/jobs', query),
    job: (key: string) => `/admin/jobs/${segment(key)}`,
    clusters: (query: Query = {}) => withQuery('/admin/jobs/clusters', query),
    runs: (query: Query = {}) => withQuery('/admin/jobs/runs', query),
    schedules: (query: Query = {}) => withQuery('/admin/jobs/schedules', query),
    queue: () => '/admin/queue',
    quotas: () => '/admin/quotas',
    usage: (query: Query = {}) => withQuery('/admin/usage', query),
    nodes: () => '/admin/nodes',
    services: () => '/admin/services',
    audit: (query: Query = {}) => withQuery('/admin/audit', query),
    platform: () => '/admin/platform',
  },
} as const

/** Addresses outside the router: other pages of the same origin, by full path. */
export const outside = {
  /** A path of `paths` for a plain link or a new page load. */
  portal: (path: string) => `${hubPrefix}${path}`,
  server: (user: string, server = '') =>
    server ? `/user/${segment(user)}/${segment(server)}/` : `/user/${segment(user)}/`,
  /** A file below the home, opened in JupyterLab of the default server. */
  lab: (user: string, path: string) =>
    `/user/${segment(user)}/lab/tree/${path.split('/').map(segment).join('/')}`,
  logout: () => `${hubPrefix}/logout`,
  service: (name: string) => `/services/${segment(name)}/`,
} as const
