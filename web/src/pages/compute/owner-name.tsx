import { Link } from 'react-router'

import { mayUseForAll } from '#page-data.ts'
import { paths } from '#paths.ts'

/** Whose something is, with the way to them for who may read users. */
export function OwnerName({ user }: { user: string }) {
  return (
    <span className="cell-name">
      {mayUseForAll('read:users') ? <Link to={paths.admin.user(user)}>{user}</Link> : user}
    </span>
  )
}
