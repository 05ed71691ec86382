import { isPlatformError } from '@atrium/contract/errors.ts'

import type { SealedBox } from '#platform/sealed-box.ts'

/** What only a cluster, its owner and the platform may know. */
export interface ClusterSecrets {
  /** PEM, for scheduler, workers and clients. */
  certificate: string
  key: string
  /** By which the scheduler and the platform prove themselves to each other. */
  token: string
}

export function sealClusterSecrets(box: SealedBox, secrets: ClusterSecrets): string {
  return box.seal(JSON.stringify(secrets))
}

/** Undefined when it cannot be opened: sealed under a key that is gone. */
export function openClusterSecrets(box: SealedBox, sealed: string): ClusterSecrets | undefined {
  try {
    return JSON.parse(box.open(sealed)) as ClusterSecrets
  } catch (error) {
    if (isPlatformError(error, 'internal')) return undefined
    throw error
  }
}
