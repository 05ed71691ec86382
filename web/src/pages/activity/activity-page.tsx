import { useQuery } from '@tanstack/react-query'

import { userQuotasQuery } from '#api/jobs.ts'
import { signedInUser } from '#page-data.ts'
import { AuditTable } from '#pages/audit/audit-table.tsx'
import { JobTable } from '#pages/jobs/job-table.tsx'
import { AllAtOnce } from '#pages/layout/all-at-once.tsx'
import { QuotaMeters } from '#pages/quotas/quota-meters.tsx'
import { Card } from '#ui/card.tsx'
import { PageHeader } from '#ui/page-header.tsx'

/** What a person's account does and did: quota use, jobs, and what was recorded. */
export function ActivityPage() {
  const { name } = signedInUser()
  const quotas = useQuery(userQuotasQuery(name))
  return (
    <>
      <PageHeader
        title="Activity"
        description="What runs for you, what ran, and what your account was used for."
      />
      <AllAtOnce>
        {quotas.data?.quotas.map((quota) => (
          <Card
            key={`${quota.subject}:${quota.name}`}
            title={quota.subject === 'group' ? `Shared by ${quota.name}` : 'Your use'}
            description="What is over a limit waits in line until something ends."
          >
            <QuotaMeters quota={quota} />
          </Card>
        ))}
        <Card title="Jobs" description="Servers and everything else you started, newest first." flush>
          <JobTable query={{ user: name, state: 'all' }} />
        </Card>
        <Card title="Record" description="Sign-ins, and changes by you or to your account." flush>
          <AuditTable query={{ of: `user:${name}` }} />
        </Card>
      </AllAtOnce>
    </>
  )
}
