import type { HubProgress, HubServer, HubUser } from '@atrium/contract/hub-models.ts'
import type { Command } from 'commander'

import { type Client, type ConnectionOptions, connect } from '#client.ts'
import { CliError, type Column, formatAgo, print, printable, renderTable } from '#output.ts'
import { readServerSentEvents } from '#server-sent-events.ts'
import { explainUnknownUser } from '#unknown-user.ts'
import { segment, withConnection } from './options.ts'

interface ServerRow {
  user: string
  server: HubServer
}

const columns: readonly Column<ServerRow>[] = [
  { heading: 'USER', cell: ({ user }) => user },
  { heading: 'SERVER', cell: ({ server }) => server.name || '(default)' },
  { heading: 'STATE', cell: ({ server }) => (server.ready ? 'running' : (server.pending ?? 'stopped')) },
  { heading: 'STARTED', cell: ({ server }) => formatAgo(server.started) },
  { heading: 'LAST USED', cell: ({ server }) => formatAgo(server.last_activity) },
]

interface StartOptions extends ConnectionOptions {
  profile?: string
  account?: string
}

/** `server`: notebook servers of anybody. */
export function addServerCommands(program: Command): void {
  const server = program.command('server').description('list, start and stop notebook servers')
  withConnection(server.command('list')).description('list running servers').action(listServers)
  withConnection(server.command('start'))
    .description('start a server and show its progress until it answers')
    .argument('<user>')
    .argument('[server]', 'name; none: the default server', '')
    .option('--profile <name>', 'what it runs with')
    .option('--account <name>', "the scheduler's account that is charged; without it the default one")
    .action(startServer)
  withConnection(server.command('stop'))
    .description('stop a server')
    .argument('<user>')
    .argument('[server]', 'name', '')
    .action(stopServer)
}

async function listServers(options: ConnectionOptions): Promise<void> {
  const client = await connect(options)
  const users = await client.list<HubUser>('/hub/api/users?state=active')
  const rows = users.flatMap((user) =>
    Object.values(user.servers ?? {}).map((server) => ({ user: user.name, server })),
  )
  print(rows, options, (list) => renderTable(list, columns, 'No server is running.'))
}

async function startServer(user: string, name: string, options: StartOptions): Promise<void> {
  const client = await connect(options)
  const { profile, account } = options
  const chosen = {
    ...(profile === undefined ? {} : { profile }),
    ...(account === undefined ? {} : { account }),
  }
  await explainUnknownUser(client, user, () => client.call('POST', serverPath(user, name), chosen))
  const outcome = await followProgress(client, `${serverPath(user, name)}/progress`, !options.json)
  if (!outcome.ready)
    throw new CliError(outcome.message ?? 'The server did not start.', {
      hint: `Its output: atrium logs ${user} ${name}`,
    })
  print(
    { user, server: name, url: new URL(outcome.url ?? '/', client.publicUrl).href },
    options,
    ({ url }) => url,
  )
}

async function stopServer(user: string, name: string, options: ConnectionOptions): Promise<void> {
  const client = await connect(options)
  await explainUnknownUser(client, user, () => client.call('DELETE', serverPath(user, name)))
  print(
    { stopped: { user, server: name } },
    options,
    () => `Stopping ${name || 'the default server'} of ${user}.`,
  )
}

async function followProgress(client: Client, path: string, show: boolean): Promise<HubProgress> {
  let last: HubProgress = { progress: 0 }
  for await (const { data } of readServerSentEvents(await client.stream(path, 'events'))) {
    last = JSON.parse(data) as HubProgress
    if (show && last.message !== undefined) console.error(printable(last.message))
    if (last.ready || last.failed) break
  }
  return last
}

function serverPath(user: string, name: string): string {
  return name === ''
    ? `/hub/api/users/${segment(user)}/server`
    : `/hub/api/users/${segment(user)}/servers/${segment(name)}`
}
