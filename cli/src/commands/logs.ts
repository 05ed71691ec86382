import type { Command } from 'commander'

import { type ConnectionOptions, connect } from '#client.ts'
import { readServerSentEvents } from '#server-sent-events.ts'
import { segment, withConnection } from './options.ts'

/** `logs`: what a server printed. */
export function addLogsCommand(program: Command): void {
  withConnection(program.command('logs'))
    .description("print a server's output from its first line")
    .argument('<user>')
    .argument('[server]', 'name; none: the default server', '')
    .option('-f, --follow', 'go on as more comes')
    .action(async (user: string, name: string, options: ConnectionOptions & { follow?: boolean }) => {
      const client = await connect(options)
      const path = `/api/v1/servers/${segment(user)}/${segment(name || '-')}/log?follow=${options.follow ?? false}`
      for await (const { event, data } of readServerSentEvents(await client.stream(path))) {
        if (options.json) console.log(JSON.stringify({ event, data }))
        else if (event === 'message' || event === 'log')
          process.stdout.write((JSON.parse(data) as { text: string }).text)
      }
    })
}
