import type { HubGroup } from '@atrium/contract/hub-models.ts'
import type { Command } from 'commander'

import { type ConnectionOptions, connect } from '#client.ts'
import { type Column, print, renderTable } from '#output.ts'
import { segment, withConnection } from './options.ts'

const columns: readonly Column<HubGroup>[] = [
  { heading: 'NAME', cell: (group) => group.name },
  { heading: 'USERS', cell: (group) => (group.users ?? []).join(', ') },
]

/** `group`: groups and their members. */
export function addGroupCommands(program: Command): void {
  const group = program.command('group').description('list, add and remove groups and their members')
  withConnection(group.command('list')).description('list groups').action(listGroups)
  withConnection(group.command('add')).description('add a group').argument('<name>').action(addGroup)
  withConnection(group.command('remove'))
    .description('remove a group; its members stay')
    .argument('<name>')
    .action(removeGroup)
  withConnection(group.command('add-user'))
    .description('put users into a group')
    .argument('<group>')
    .argument('<users...>')
    .action((name: string, users: string[], options: ConnectionOptions) =>
      changeMembers('POST', name, users, options),
    )
  withConnection(group.command('remove-user'))
    .description('take users out of a group')
    .argument('<group>')
    .argument('<users...>')
    .action((name: string, users: string[], options: ConnectionOptions) =>
      changeMembers('DELETE', name, users, options),
    )
}

async function listGroups(options: ConnectionOptions): Promise<void> {
  const client = await connect(options)
  print(await client.list<HubGroup>('/hub/api/groups'), options, (groups) =>
    renderTable(groups, columns, 'No groups yet.'),
  )
}

async function addGroup(name: string, options: ConnectionOptions): Promise<void> {
  const client = await connect(options)
  print(
    await client.call<HubGroup>('POST', `/hub/api/groups/${segment(name)}`),
    options,
    () => `Added ${name}.`,
  )
}

async function removeGroup(name: string, options: ConnectionOptions): Promise<void> {
  const client = await connect(options)
  await client.call('DELETE', `/hub/api/groups/${segment(name)}`)
  print({ removed: name }, options, () => `Removed ${name}.`)
}

async function changeMembers(
  method: 'POST' | 'DELETE',
  name: string,
  users: string[],
  options: ConnectionOptions,
): Promise<void> {
  const client = await connect(options)
  const group = await client.call<HubGroup>(method, `/hub/api/groups/${segment(name)}/users`, { users })
  print(group, options, () => `${group.name}: ${(group.users ?? []).join(', ') || 'nobody'}`)
}
