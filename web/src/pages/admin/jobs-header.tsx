import { mayUse } from '#page-data.ts'
import { TabLinks } from '#pages/layout/tab-links.tsx'
import { paths } from '#paths.ts'
import { PageHeader } from '#ui/page-header.tsx'

const tabs = [
  { label: 'All jobs', path: paths.admin.jobs(), scope: 'read:jobs' },
  { label: 'Clusters', path: paths.admin.clusters(), scope: 'read:clusters' },
  { label: 'Runs', path: paths.admin.runs(), scope: 'read:jobs' },
  { label: 'Schedules', path: paths.admin.schedules(), scope: 'read:jobs' },
] as const

interface JobsHeaderProps {
  tab: (typeof tabs)[number]['label']
  description: string
}

/** Title and tabs of everything that runs for somebody. */
export function JobsHeader({ tab, description }: JobsHeaderProps) {
  return (
    <>
      <PageHeader title={tab === 'All jobs' ? 'Jobs' : tab} heading="Jobs" description={description} />
      <TabLinks label="Jobs" tabs={tabs.filter(({ scope }) => mayUse(scope))} />
    </>
  )
}
