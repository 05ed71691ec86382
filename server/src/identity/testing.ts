import type { Clock } from '#platform/clock.ts'
import { createSilentLogger } from '#platform/log.ts'
import { createSealedBox } from '#platform/sealed-box.ts'
import type { Store } from '#store/store.ts'
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
