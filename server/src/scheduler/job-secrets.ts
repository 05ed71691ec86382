import { isPlatformError } from '@atrium/contract/errors.ts'

import type { SealedBox } from '#platform/sealed-box.ts'

type Secrets = Readonly<Record<string, string>>

/** A job's secret environment as it is stored. */
export function sealSecrets(box: SealedBox, secrets: Secrets): string {
  return box.seal(JSON.stringify(secrets))
}

/** What `sealSecrets` sealed; undefined when it cannot be opened: sealed under a key that is gone. */
export function openSecrets(box: SealedBox, sealed: string): Secrets | undefined {
  try {
    return JSON.parse(box.open(sealed)) as Secrets
  } catch (error) {
    if (isPlatformError(error, 'internal')) return undefined
    throw error
  }
}
