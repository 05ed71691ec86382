import type { HubUser } from '@atrium/contract/hub-models.ts'

import { useEditUser } from '#api/users.ts'
import { useToast } from '#ui/toast.tsx'

/** Makes an administrator of a user, or takes that back. */
export function useToggleAdmin(user: HubUser): () => void {
  const edit = useEditUser(user.name)
  const toast = useToast()
  return () =>
    edit.mutate(
      { admin: !user.admin },
      {
        onSuccess: () =>
          toast.done(
            user.admin ? `${user.name} is no administrator any more.` : `${user.name} is an administrator.`,
          ),
        onError: (error) => toast.failed(error.message),
      },
    )
}
