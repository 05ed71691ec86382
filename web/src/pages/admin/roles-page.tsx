import type { RoleView } from '@atrium/contract/roles-api.ts'
import { useQuery } from '@tanstack/react-query'
import { Link } from 'react-router'

import { rolesQuery } from '#api/access.ts'
import { messageOf } from '#api/http.ts'
import { paths } from '#paths.ts'
import { formatCount } from '#ui/amounts.ts'
import { Badge } from '#ui/badge.tsx'
import { Notice } from '#ui/notice.tsx'
import { PageHeader } from '#ui/page-header.tsx'
import { Skeleton } from '#ui/skeleton.tsx'
import { Table } from '#ui/table.tsx'

/** All roles with what they are for and who has them. */
export function RolesPage() {
  const { data, error } = useQuery(rolesQuery)
  return (
    <>
      <PageHeader
        title="Roles"
        description="A role is a set of permissions. What a role holds is written in the configuration; who has it can be changed here."
      />
      {error && <Notice tone="bad">{messageOf(error)}</Notice>}
      <section className="card" aria-label="Roles">
        {data ? (
          <Table
            label="Roles"
            rows={data.roles}
            rowKey={(role) => role.name}
            empty={null}
            columns={[
              { label: 'Name', cell: ({ name }) => <Link to={paths.admin.role(name)}>{name}</Link> },
              { label: 'Description', cell: ({ description }) => description },
              { label: 'Permissions', cell: ({ scopes }) => formatCount(scopes.length, 'scope') },
              { label: 'Held by', cell: describeHolders },
              {
                label: 'From',
                secondary: true,
                cell: ({ managed }) => managed && <Badge>Configuration</Badge>,
              },
            ]}
          />
        ) : (
          !error && <Skeleton lines={5} />
        )}
      </section>
    </>
  )
}

/** Who has JupyterHub's own roles, which are not given by name. */
const ownHolders: Record<string, string> = {
  user: 'Every user',
  admin: 'Administrators',
  server: 'Servers',
  token: 'Tokens',
}

function describeHolders({ name, holders }: RoleView): string {
  const count = (kind: string) => holders.filter((holder) => holder.kind === kind).length
  const parts = [
    ownHolders[name],
    count('user') > 0 && formatCount(count('user'), 'user'),
    count('group') > 0 && formatCount(count('group'), 'group'),
    count('service') > 0 && formatCount(count('service'), 'service'),
  ]
  return parts.filter(Boolean).join(', ') || 'Nobody'
}
