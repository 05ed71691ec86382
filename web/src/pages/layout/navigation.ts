import { mayUse } from '#page-data.ts'
import { paths } from '#paths.ts'
import type { IconName } from '#ui/icon.tsx'

export interface NavigationItem {
  label: string
  path: string
  icon: IconName
  /** Any of these scopes shows the item; none: everybody sees it. */
  scopes?: readonly string[]
  /** Only this very path counts as being there. */
  exact?: boolean
}

const own: readonly NavigationItem[] = [
  { label: 'Home', path: paths.home(), icon: 'home' },
  { label: 'Compute', path: paths.compute(), icon: 'compute', scopes: ['read:clusters', 'read:jobs'] },
  { label: 'Tokens', path: paths.tokens(), icon: 'key' },
  { label: 'Activity', path: paths.activity(), icon: 'activity' },
  { label: 'Usage', path: paths.usage(), icon: 'chart' },
  { label: 'Account', path: paths.account(), icon: 'user' },
]

const administration: readonly NavigationItem[] = [
  { label: 'Users', path: paths.admin.users(), icon: 'users', scopes: ['list:users'], exact: true },
  { label: 'Groups', path: paths.admin.groups(), icon: 'group', scopes: ['list:groups'] },
  { label: 'Roles', path: paths.admin.roles(), icon: 'shield', scopes: ['read:roles'] },
  { label: 'Jobs', path: paths.admin.jobs(), icon: 'jobs', scopes: ['read:jobs'] },
  { label: 'Queue', path: paths.admin.queue(), icon: 'queue', scopes: ['read:jobs'] },
  { label: 'Quotas', path: paths.admin.quotas(), icon: 'gauge', scopes: ['read:quotas'] },
  { label: 'Usage', path: paths.admin.usage(), icon: 'chart', scopes: ['read:usage'] },
  { label: 'Nodes', path: paths.admin.nodes(), icon: 'node', scopes: ['read:nodes'] },
  { label: 'Services', path: paths.admin.services(), icon: 'plug', scopes: ['list:services'] },
  { label: 'Audit log', path: paths.admin.audit(), icon: 'scroll', scopes: ['read:audit'] },
  { label: 'Platform', path: paths.admin.platform(), icon: 'pulse', scopes: ['read:hub'] },
]

/** What this person sees in the navigation. */
export function listNavigation(): { title: string; items: readonly NavigationItem[] }[] {
  const isShown = ({ scopes }: NavigationItem) => !scopes || mayUse(...scopes)
  const sections = [{ title: 'Workspace', items: own.filter(isShown) }]
  if (mayUse('admin-ui')) sections.push({ title: 'Administration', items: administration.filter(isShown) })
  return sections
}
