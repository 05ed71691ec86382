import type { Migration } from 'kysely/migration'

import { initial } from './0001-initial.ts'

/** Forward only, applied in this order, each in a transaction of its own. Add a line; never change one that was released. */
export const migrations: Readonly<Record<string, Migration>> = {
  '0001-initial': initial,
}
