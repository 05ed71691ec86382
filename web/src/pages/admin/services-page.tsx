import type { HubService } from '@atrium/contract/hub-models.ts'
import { useQuery } from '@tanstack/react-query'

import { servicesQuery } from '#api/access.ts'
import { messageOf } from '#api/http.ts'
import { outside } from '#paths.ts'
import { Badge } from '#ui/badge.tsx'
import { EmptyState } from '#ui/empty-state.tsx'
import { Notice } from '#ui/notice.tsx'
import { PageHeader } from '#ui/page-header.tsx'
import { Skeleton } from '#ui/skeleton.tsx'
import { Table } from '#ui/table.tsx'

/** Programs beside the platform that use its API or stand behind its door. */
export function ServicesPage() {
  const { data: services, error } = useQuery(servicesQuery)
  return (
    <>
      <PageHeader
        title="Services"
        description="Programs that use the API or are reached through the platform."
      />
      {error && <Notice tone="bad">{messageOf(error)}</Notice>}
      <section className="card" aria-label="Services">
        {services ? (
          <Table
            label="Services"
            rows={services}
            rowKey={(service) => service.name}
            empty={
              <EmptyState icon="plug" title="No services">
                Add them under <code>services</code> in atrium.yaml, or by the API.
              </EmptyState>
            }
            columns={[
              { label: 'Name', cell: (service) => <ServiceName service={service} /> },
              { label: 'Answers at', cell: ({ url }) => url && <code>{url}</code> },
              { label: 'Roles', cell: ({ roles = [] }) => roles.join(', ') },
              {
                label: 'Run by',
                cell: ({ command }) => (command?.length ? 'The platform' : 'Somebody else'),
              },
            ]}
          />
        ) : (
          !error && <Skeleton lines={3} />
        )}
      </section>
    </>
  )
}

function ServiceName({ service }: { service: HubService }) {
  return (
    <span className="row">
      {service.url ? (
        <a href={service.prefix ?? outside.service(service.name)}>{service.name}</a>
      ) : (
        service.name
      )}
      {service.admin && <Badge tone="accent">Admin</Badge>}
    </span>
  )
}
