import type { ReactNode } from 'react'

import { mayUse } from '#page-data.ts'
import { TabLinks } from '#pages/layout/tab-links.tsx'
import { paths } from '#paths.ts'
import { PageHeader } from '#ui/page-header.tsx'

const tabs = [
  { label: 'Clusters', path: paths.clusters(), scope: 'read:clusters' },
  { label: 'Runs', path: paths.runs(), scope: 'read:jobs' },
  { label: 'Schedules', path: paths.schedules(), scope: 'read:jobs' },
] as const

interface ComputeHeaderProps {
  tab: (typeof tabs)[number]['label']
  description: string
  actions?: ReactNode
}

/** Title and tabs of what runs beside a person's servers. */
export function ComputeHeader({ tab, description, actions }: ComputeHeaderProps) {
  return (
    <>
      <PageHeader title={tab} heading="Compute" description={description} actions={actions} />
      <TabLinks label="Compute" tabs={tabs.filter(({ scope }) => mayUse(scope))} />
    </>
  )
}
