import type { TestContext } from 'node:test'
import type { Clock } from '#platform/clock.ts'
import { createFakeClock, type FakeClock } from '#platform/fake-clock.ts'
import { createSilentLogger } from '#platform/log.ts'
import { createSealedBox } from '#platform/sealed-box.ts'
import type { Store } from '#store/store.ts'
import type { TestStoreKind } from '#store/testing.ts'
import { createIdentity, type Identity, type IdentityOptions } from './identity.ts'

/** Identity on a test's store: sessions of 14 days, links of 7, no PAM unless given. */
export function createTestIdentity(
  options: { readonly store: Store; readonly clock: Clock } & Partial<IdentityOptions>,
): Identity {
  return createIdentity({
    log: createSilentLogger(),
    sealedBox: createSealedBox(Buffer.alloc(32, 3)),
    sessionMs: 14 * 86_400_000,
    linkMs: 7 * 86_400_000,
    ...options,
  })
}

/** One replica of a test's platform. */
export interface IdentityReplica {
  readonly store: Store
  readonly identity: Identity
}

/** A platform for one test, gone with it. */
export interface IdentitySite extends IdentityReplica {
  readonly clock: FakeClock
  /** Another control plane on the same data. */
  openReplica(): Promise<IdentityReplica>
}

/** Opens identity on a fresh store of the kind. */
export async function openIdentitySite(
  t: TestContext,
  { createSite }: TestStoreKind,
  options: Partial<IdentityOptions> = {},
): Promise<IdentitySite> {
  const site = await createSite()
  const clock = createFakeClock()
  const replicas: IdentityReplica[] = []
  const openReplica = async () => {
    const store = await site.open({ clock })
    const replica = { store, identity: createTestIdentity({ store, clock, ...options }) }
    replicas.push(replica)
    return replica
  }
  t.after(async () => {
    for (const { store, identity } of replicas) {
      await identity.close()
      await store.close()
    }
    await site.dispose()
  })
  return { ...(await openReplica()), clock, openReplica }
}
