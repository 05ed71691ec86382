import type { Migration } from 'kysely/migration'

import { initial } from './0001-initial.ts'
import { usage } from './0002-usage.ts'
import { jobPlacements } from './0003-job-placements.ts'
import { dask } from './0004-dask.ts'
import { runs } from './0005-runs.ts'
import { schedules } from './0006-schedules.ts'
import { groupFolders } from './0007-group-folders.ts'

/**
 * Forward only, applied in this order, each in a transaction of its own, while replicas of this and of the last version read and write: add
 * tables, columns that may be empty, and indexes; what is to go, goes a version after nobody uses it. Add a line; never change one that
 * was released.
 */
export const migrations: Readonly<Record<string, Migration>> = {
  '0001-initial': initial,
  '0002-usage': usage,
  '0003-job-placements': jobPlacements,
  '0004-dask': dask,
  '0005-runs': runs,
  '0006-schedules': schedules,
  '0007-group-folders': groupFolders,
}
