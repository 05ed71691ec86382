import { useQuery } from '@tanstack/react-query'

import { servicesQuery } from '#api/access.ts'
import { mayUse } from '#page-data.ts'
import { outside } from '#paths.ts'
import { buttonClass } from '#ui/button.tsx'
import { Card } from '#ui/card.tsx'

/** Ways to the services that show themselves to people; nothing when there are none. */
export function ServiceLinks() {
  const { data } = useQuery({ ...servicesQuery, enabled: mayUse('list:services', 'read:services') })
  const shown = data?.filter((service) => service.display !== false && service.url) ?? []
  if (shown.length === 0) return null
  return (
    <Card title="Services">
      <div className="row">
        {shown.map((service) => (
          <a
            key={service.name}
            className={buttonClass()}
            href={service.prefix ?? outside.service(service.name)}
          >
            {service.name}
          </a>
        ))}
      </div>
    </Card>
  )
}
