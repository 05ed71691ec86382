import { resolve } from 'node:path'

import type { Command } from 'commander'

import { type ConnectionOptions, connect } from '#client.ts'
import { print } from '#output.ts'
import { withConnection } from './options.ts'

/** `db`: the platform's own state. */
export function addDatabaseCommands(program: Command): void {
  const database = program.command('db').description("the platform's own database")
  withConnection(database.command('backup'))
    .description('write a consistent copy while the platform runs (SQLite; on PostgreSQL use pg_dump)')
    .argument('<file>', 'a new file on the machine of the platform')
    .action(async (file: string, options: ConnectionOptions) => {
      const client = await connect(options)
      const backup = await client.call<{ file: string; bytes: number }>('POST', '/api/v1/database/backup', {
        file: resolve(file),
      })
      print(backup, options, () => `Wrote ${backup.file} (${backup.bytes} bytes).`)
    })
}
