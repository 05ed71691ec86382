import type { SealedBox } from '#platform/sealed-box.ts'
import type { JobKey } from '#scheduler/job.ts'
import { openSecrets } from '#scheduler/job-secrets.ts'
import type { ReadableDatabase } from '#store/store.ts'

/** Finds a running server's own token, which its job keeps sealed until it ends; undefined when it cannot be read any more. */
export type FindServerToken = (key: JobKey) => Promise<string | undefined>

/** The idle stop asks servers with their own token: no other credential has to be made, listed and revoked for it. */
export function createFindServerToken({
  db,
  box,
}: {
  db: ReadableDatabase
  box: SealedBox
}): FindServerToken {
  return async (key) => {
    const row = await db.selectFrom('jobs').select('secrets').where('key', '=', key).executeTakeFirst()
    return row?.secrets == null ? undefined : openSecrets(box, row.secrets)?.['JUPYTERHUB_API_TOKEN']
  }
}
