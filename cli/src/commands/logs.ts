import type { Command } from 'commander'

import { type Client, type ConnectionOptions, connect } from '#client.ts'
import { readServerSentEvents } from '#server-sent-events.ts'
import { explainUnknownUser } from '#unknown-user.ts'
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
      await explainUnknownUser(client, user, () => printLog(client, user, name, options))
    })
}

async function printLog(
  client: Client,
  user: string,
  name: string,
  { json = false, follow = false }: { json?: boolean; follow?: boolean },
): Promise<void> {
  const path = `/api/v1/servers/${segment(user)}/${segment(name || '-')}/log?follow=${follow}`
  if (json) {
    for await (const { id, data } of readServerSentEvents(await client.stream(path, 'events'))) {
      const { text } = JSON.parse(data) as { text: string }
      console.log(JSON.stringify({ bytes: Number(id), text }))
    }
    return
  }
  for await (const chunk of await client.stream(path, 'text')) process.stdout.write(chunk)
}
