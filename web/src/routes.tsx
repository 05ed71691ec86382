import { Navigate, type RouteObject } from 'react-router'

import { AccountPage } from '#pages/account/account-page.tsx'
import { ActivityPage } from '#pages/activity/activity-page.tsx'
import { NotFoundPage } from '#pages/errors/error-page.tsx'
import { HomePage } from '#pages/home/home-page.tsx'
import { AppShell } from '#pages/layout/app-shell.tsx'
import { lazyPage } from '#pages/layout/lazy-page.ts'
import { PlainLayout } from '#pages/layout/plain-layout.tsx'
import { FirstVisitPage } from '#pages/sign-in/first-visit-page.tsx'
import { InvitationPage } from '#pages/sign-in/invitation-page.tsx'
import { SetPasswordPage } from '#pages/sign-in/set-password-page.tsx'
import { SignInPage } from '#pages/sign-in/sign-in-page.tsx'
import { SpawnPage } from '#pages/spawn/spawn-page.tsx'
import { SpawnPendingPage } from '#pages/spawn/spawn-pending-page.tsx'
import { TokensPage } from '#pages/tokens/tokens-page.tsx'
import { UsagePage } from '#pages/usage/usage-page.tsx'
import { paths } from '#paths.ts'

// Whoever only opens notebooks never loads these.
const ClustersPage = lazyPage(async () => (await import('#pages/compute/clusters-page.tsx')).ClustersPage)
const ClusterPage = lazyPage(async () => (await import('#pages/compute/cluster-page.tsx')).ClusterPage)
const RunsPage = lazyPage(async () => (await import('#pages/compute/runs-page.tsx')).RunsPage)
const RunPage = lazyPage(async () => (await import('#pages/compute/run-page.tsx')).RunPage)
const SchedulesPage = lazyPage(async () => (await import('#pages/compute/schedules-page.tsx')).SchedulesPage)
const SchedulePage = lazyPage(async () => (await import('#pages/compute/schedule-page.tsx')).SchedulePage)
const editSchedule = () => import('#pages/compute/edit-schedule-page.tsx')
const NewSchedulePage = lazyPage(async () => (await editSchedule()).NewSchedulePage)
const EditSchedulePage = lazyPage(async () => (await editSchedule()).EditSchedulePage)

// Administrators' pages are loaded when they are opened.
const AdminLayout = lazyPage(async () => (await import('#pages/admin/admin-layout.tsx')).AdminLayout)
const UsersPage = lazyPage(async () => (await import('#pages/admin/users-page.tsx')).UsersPage)
const UserPage = lazyPage(async () => (await import('#pages/admin/user-page.tsx')).UserPage)
const GroupsPage = lazyPage(async () => (await import('#pages/admin/groups-page.tsx')).GroupsPage)
const GroupPage = lazyPage(async () => (await import('#pages/admin/group-page.tsx')).GroupPage)
const RolesPage = lazyPage(async () => (await import('#pages/admin/roles-page.tsx')).RolesPage)
const RolePage = lazyPage(async () => (await import('#pages/admin/role-page.tsx')).RolePage)
const JobsPage = lazyPage(async () => (await import('#pages/admin/jobs-page.tsx')).JobsPage)
const AdminClustersPage = lazyPage(
  async () => (await import('#pages/admin/clusters-page.tsx')).AdminClustersPage,
)
const AdminRunsPage = lazyPage(async () => (await import('#pages/admin/runs-page.tsx')).AdminRunsPage)
const AdminSchedulesPage = lazyPage(
  async () => (await import('#pages/admin/schedules-page.tsx')).AdminSchedulesPage,
)
const JobPage = lazyPage(async () => (await import('#pages/admin/job-page.tsx')).JobPage)
const QueuePage = lazyPage(async () => (await import('#pages/admin/queue-page.tsx')).QueuePage)
const QuotasPage = lazyPage(async () => (await import('#pages/admin/quotas-page.tsx')).QuotasPage)
const AdminUsagePage = lazyPage(async () => (await import('#pages/admin/usage-page.tsx')).AdminUsagePage)
const NodesPage = lazyPage(async () => (await import('#pages/admin/nodes-page.tsx')).NodesPage)
const ServicesPage = lazyPage(async () => (await import('#pages/admin/services-page.tsx')).ServicesPage)
const AuditPage = lazyPage(async () => (await import('#pages/admin/audit-page.tsx')).AuditPage)
const PlatformPage = lazyPage(async () => (await import('#pages/admin/platform-page.tsx')).PlatformPage)

const computeRoutes: RouteObject[] = [
  { index: true, element: <Navigate to={paths.clusters()} replace /> },
  { path: 'clusters', element: <ClustersPage /> },
  { path: 'clusters/:cluster', element: <ClusterPage /> },
  { path: 'runs', element: <RunsPage /> },
  { path: 'runs/:run', element: <RunPage /> },
  { path: 'schedules', element: <SchedulesPage /> },
  { path: 'schedules/new', element: <NewSchedulePage /> },
  { path: 'schedules/:schedule', element: <SchedulePage /> },
  { path: 'schedules/:schedule/edit', element: <EditSchedulePage /> },
]

const adminRoutes: RouteObject[] = [
  { index: true, element: <UsersPage /> },
  { path: 'users/:user', element: <UserPage /> },
  { path: 'groups', element: <GroupsPage /> },
  { path: 'groups/:group', element: <GroupPage /> },
  { path: 'roles', element: <RolesPage /> },
  { path: 'roles/:role', element: <RolePage /> },
  { path: 'jobs', element: <JobsPage /> },
  { path: 'jobs/clusters', element: <AdminClustersPage /> },
  { path: 'jobs/runs', element: <AdminRunsPage /> },
  { path: 'jobs/schedules', element: <AdminSchedulesPage /> },
  { path: 'jobs/:job', element: <JobPage /> },
  { path: 'queue', element: <QueuePage /> },
  { path: 'quotas', element: <QuotasPage /> },
  { path: 'usage', element: <AdminUsagePage /> },
  { path: 'nodes', element: <NodesPage /> },
  { path: 'services', element: <ServicesPage /> },
  { path: 'audit', element: <AuditPage /> },
  { path: 'platform', element: <PlatformPage /> },
]

/** The map of the portal, below `/hub`. The paths of JupyterHub's pages are JupyterHub's. */
export const routes: RouteObject[] = [
  {
    element: <PlainLayout />,
    children: [
      { path: 'login', element: <SignInPage /> },
      { path: 'first-visit', element: <FirstVisitPage /> },
      { path: 'invitation', element: <InvitationPage /> },
      { path: 'set-password', element: <SetPasswordPage /> },
    ],
  },
  {
    element: <AppShell />,
    children: [
      { index: true, element: <Navigate to={paths.home()} replace /> },
      { path: 'home', element: <HomePage /> },
      { path: 'spawn/:user?/:server?', element: <SpawnPage /> },
      { path: 'spawn-pending/:user/:server?', element: <SpawnPendingPage /> },
      { path: 'compute', children: computeRoutes },
      { path: 'token', element: <TokensPage /> },
      { path: 'activity', element: <ActivityPage /> },
      { path: 'usage', element: <UsagePage /> },
      { path: 'account', element: <AccountPage /> },
      { path: 'admin', element: <AdminLayout />, children: adminRoutes },
      { path: '*', element: <NotFoundPage /> },
    ],
  },
]
