import { buildLinkUrl } from '@atrium/contract/account.ts'

import type { Identity } from '#identity/identity.ts'
import type { Store } from '#store/store.ts'

interface FirstLinkOptions {
  identity: Pick<Identity, 'links'>
  edge: { readonly publicUrl: string }
  store: Store
}

const system = { name: 'system' }

/**
 * Until somebody can sign in as an administrator, every start has a way in. It works once, and those of earlier starts, which stand in logs and
 * terminals, not any more.
 */
export async function createFirstLink({
  identity,
  edge,
  store,
}: FirstLinkOptions): Promise<string | undefined> {
  const administrator = await store.db
    .selectFrom('users')
    .select('id')
    .where('admin', '=', 1)
    .where((where) =>
      where.or([where('password_hash', 'is not', null), where('last_activity', 'is not', null)]),
    )
    .executeTakeFirst()
  if (administrator !== undefined) return undefined
  for (const { id, createdBy } of await identity.links.listInvitations())
    if (createdBy === system.name) await identity.links.revokeInvitation(id, system)
  const { secret } = await identity.links.createInvitation({ groups: [], admin: true }, system)
  return buildLinkUrl(edge.publicUrl, 'invitation', secret)
}
