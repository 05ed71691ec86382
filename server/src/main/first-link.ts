import { buildLinkUrl } from '@atrium/contract/account.ts'

import type { ControlPlane } from './control-plane.ts'

/** Until somebody can sign in as an administrator, every start has a way in; it works once. */
export async function createFirstLink({ identity, edge, store }: ControlPlane): Promise<string | undefined> {
  const administrator = await store.db
    .selectFrom('users')
    .select('id')
    .where('admin', '=', 1)
    .where((where) =>
      where.or([where('password_hash', 'is not', null), where('last_activity', 'is not', null)]),
    )
    .executeTakeFirst()
  if (administrator !== undefined) return undefined
  const { secret } = await identity.links.createInvitation({ groups: [], admin: true }, { name: 'system' })
  return buildLinkUrl(edge.publicUrl, 'invitation', secret)
}
