import type { RoleHolderParams } from '@atrium/contract/roles-api.ts'
import { useQuery } from '@tanstack/react-query'
import { useId, useState } from 'react'

import { servicesQuery } from '#api/access.ts'
import { groupsQuery } from '#api/groups.ts'
import { userNamesQuery } from '#api/users.ts'
import { mayUseForAll } from '#page-data.ts'
import { TextField } from '#ui/field.tsx'

type Kind = RoleHolderParams['kind']

/** The name of a user, group or service, with suggestions as far as the person may list them. */
export function NameField({ kind, label = 'Name' }: { kind: Kind; label?: string }) {
  const id = useId()
  const [typed, setTyped] = useState('')
  const names = useNames(kind, typed)
  return (
    <>
      <TextField
        label={label}
        name="name"
        value={typed}
        onChange={(event) => setTyped(event.target.value)}
        list={id}
        autoComplete="off"
        autoCapitalize="none"
        required
      />
      <datalist id={id}>
        {names.map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
    </>
  )
}

function useNames(kind: Kind, typed: string): readonly string[] {
  const may = (wanted: Kind, scope: string) => kind === wanted && mayUseForAll(scope)
  const users = useQuery({ ...userNamesQuery(typed), enabled: may('user', 'list:users') })
  const groups = useQuery({ ...groupsQuery, enabled: may('group', 'list:groups') })
  const services = useQuery({ ...servicesQuery, enabled: may('service', 'list:services') })
  if (kind === 'user') return users.data ?? []
  return ((kind === 'group' ? groups.data : services.data) ?? []).map(({ name }) => name)
}
