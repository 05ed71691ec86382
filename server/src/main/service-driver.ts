import { endedJobStates } from '@atrium/contract/jobs.ts'
import type { LocalScheduler } from '#scheduler/drivers/local/local-scheduler.ts'

import type { JobDriverOptions } from './job-drivers.ts'
import { createLocalDriver } from './local-driver.ts'

/** For the platform's own services, and for what still runs here from a time when that was configured; undefined where nothing does. */
export async function openServiceDriver({
  start,
  python,
  store,
}: JobDriverOptions): Promise<LocalScheduler | undefined> {
  const local = createLocalDriver(start.data, python)
  if (start.config.services.some(({ command }) => command !== undefined)) return local
  const left = await store.db
    .selectFrom('jobs')
    .select('id')
    .where('driver', '=', local.driver)
    .where('state', 'not in', endedJobStates)
    .limit(1)
    .executeTakeFirst()
  return left === undefined ? undefined : local
}
