import { useCallback } from 'react'

import type { UserListQuery } from '#api/users.ts'
import { InlineSelect } from '#ui/inline-select.tsx'
import { SearchField } from '#ui/search-field.tsx'

interface UserFiltersProps {
  query: UserListQuery
  onChange: (change: Partial<UserListQuery>) => void
}

/** Which users, in which order. */
export function UserFilters({ query, onChange }: UserFiltersProps) {
  const search = useCallback((text: string) => onChange({ search: text }), [onChange])
  return (
    <search className="row">
      <SearchField label="Search users" placeholder="Search by name" value={query.search} onSearch={search} />
      <InlineSelect
        label="Show"
        value={query.state}
        onChange={(state) => onChange({ state: state as UserListQuery['state'] })}
        options={[
          { value: 'all', label: 'All users' },
          { value: 'active', label: 'With a running server' },
        ]}
      />
      <InlineSelect
        label="Sort"
        value={query.sort}
        onChange={(sort) => onChange({ sort: sort as UserListQuery['sort'] })}
        options={[
          { value: 'name', label: 'By name' },
          { value: '-last_activity', label: 'Last active first' },
        ]}
      />
    </search>
  )
}
