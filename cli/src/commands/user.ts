import type { CreatedLink } from '@atrium/contract/account.ts'
import type { HomeView } from '@atrium/contract/homes-api.ts'
import type { HubUser } from '@atrium/contract/hub-models.ts'
import type { Command } from 'commander'

import { type ConnectionOptions, connect } from '#client.ts'
import { type Column, formatAgo, formatTime, print, renderTable } from '#output.ts'
import { parseSize } from '#runs/run-options.ts'
import { explainUnknownUser } from '#unknown-user.ts'
import { collect, segment, withConnection } from './options.ts'

const columns: readonly Column<HubUser>[] = [
  { heading: 'NAME', cell: (user) => user.name },
  { heading: 'ADMIN', cell: (user) => (user.admin ? 'yes' : '') },
  { heading: 'GROUPS', cell: (user) => (user.groups ?? []).join(', ') },
  {
    heading: 'SERVERS',
    cell: (user) => String(Object.values(user.servers ?? {}).filter((server) => server.ready).length),
  },
  { heading: 'LAST SEEN', cell: (user) => formatAgo(user.last_activity) },
]

/** `user`: people and their ways in. */
export function addUserCommands(program: Command): void {
  const user = program.command('user').description('list, add, change and remove users')
  withConnection(user.command('list'))
    .description('list users')
    .option('--filter <text>', 'only names that contain this')
    .action(listUsers)
  withConnection(user.command('add'))
    .description('add users; give each a way in with `user invite` or `user reset-password`')
    .argument('<names...>')
    .option('--admin', 'as administrators')
    .action(addUsers)
  withConnection(user.command('remove'))
    .description('remove a user, whose servers are stopped')
    .argument('<name>')
    .action(removeUser)
  withConnection(user.command('rename'))
    .description('give a user another name')
    .argument('<name>')
    .argument('<new-name>')
    .action(renameUser)
  withConnection(user.command('admin'))
    .description('make a user an administrator, or no longer one')
    .argument('<name>')
    .option('--off', 'take it back')
    .action(setAdmin)
  withConnection(user.command('invite'))
    .description('print an invitation: a link with which one person makes an account')
    .argument('[name]', 'the name the account will have; without it the guest chooses')
    .option('--group <name>', 'group the account will be in; repeatable', collect)
    .option('--admin', 'as an administrator')
    .action(inviteUser)
  withConnection(user.command('reset-password'))
    .description('print a one-time link with which the user sets a new password')
    .argument('<name>')
    .action((name: string, options: ConnectionOptions) => printLink(name, 'set-password', options))
  withConnection(user.command('home'))
    .description('show how full a home is, or say how large it may be')
    .argument('<name>')
    .option('--size <size>', 'as 50G; `default` for what the configuration says', parseHomeSize)
    .action(showHome)
  withConnection(user.command('sign-in-link'))
    .description('print a one-time link that signs the user in')
    .argument('<name>')
    .action((name: string, options: ConnectionOptions) => printLink(name, 'sign-in', options))
}

async function listUsers(options: ConnectionOptions & { filter?: string }): Promise<void> {
  const client = await connect(options)
  const query = options.filter === undefined ? '' : `?name_filter=${encodeURIComponent(options.filter)}`
  print(await client.list<HubUser>(`/hub/api/users${query}`), options, (users) =>
    renderTable(users, columns, 'No users yet: `atrium user invite` prints a link for the first one.'),
  )
}

async function showHome(name: string, options: ConnectionOptions & { size?: number | null }): Promise<void> {
  const client = await connect(options)
  const path = `/api/v1/users/${segment(name)}/home`
  const { size } = options
  const call = () =>
    size === undefined
      ? client.call<HomeView>('GET', path)
      : client.call<HomeView>('PUT', path, { sizeBytes: size })
  print(await explainUnknownUser(client, name, call), options, describeHome)
}

function describeHome({ usedBytes, sizeBytes, message }: HomeView): string {
  const used = usedBytes === null ? 'how much is used is not known' : `${formatGibibytes(usedBytes)} used`
  const size = sizeBytes === null ? 'no size is set' : `of ${formatGibibytes(sizeBytes)}`
  return [`${used}, ${size}`.replace('used, of', 'used of'), message ?? ''].filter(Boolean).join('\n')
}

function parseHomeSize(text: string): number | null {
  return text === 'default' ? null : parseSize(text)
}

const formatGibibytes = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`

async function addUsers(names: string[], options: ConnectionOptions & { admin?: boolean }): Promise<void> {
  const client = await connect(options)
  const users = await client.call<HubUser[]>('POST', '/hub/api/users', {
    usernames: names,
    admin: options.admin ?? false,
  })
  print(users, options, () => users.map((user) => `Added ${user.name}.`).join('\n'))
}

async function removeUser(name: string, options: ConnectionOptions): Promise<void> {
  const client = await connect(options)
  await explainUnknownUser(client, name, () => client.call('DELETE', `/hub/api/users/${segment(name)}`))
  print({ removed: name }, options, () => `Removed ${name}.`)
}

async function renameUser(name: string, newName: string, options: ConnectionOptions): Promise<void> {
  const client = await connect(options)
  const user = await explainUnknownUser(client, name, () =>
    client.call<HubUser>('PATCH', `/hub/api/users/${segment(name)}`, { name: newName }),
  )
  print(user, options, () => `${name} is ${user.name} now.`)
}

async function setAdmin(name: string, options: ConnectionOptions & { off?: boolean }): Promise<void> {
  const client = await connect(options)
  const user = await explainUnknownUser(client, name, () =>
    client.call<HubUser>('PATCH', `/hub/api/users/${segment(name)}`, { admin: !options.off }),
  )
  print(user, options, () => `${user.name} is ${user.admin ? 'an administrator' : 'no administrator'} now.`)
}

async function inviteUser(
  username: string | undefined,
  options: ConnectionOptions & { group?: string[]; admin?: boolean },
): Promise<void> {
  const client = await connect(options)
  const link = await client.call<CreatedLink>('POST', '/api/v1/invitations', {
    ...(username === undefined ? {} : { username }),
    groups: options.group ?? [],
    admin: options.admin ?? false,
  })
  print(link, options, renderLink)
}

async function printLink(
  name: string,
  purpose: 'set-password' | 'sign-in',
  options: ConnectionOptions,
): Promise<void> {
  const client = await connect(options)
  print(
    await explainUnknownUser(client, name, () =>
      client.call<CreatedLink>('POST', `/api/v1/users/${segment(name)}/links`, { purpose }),
    ),
    options,
    renderLink,
  )
}

function renderLink(link: CreatedLink): string {
  return `${link.url}\nGood once, until ${formatTime(link.expiresAtMs)}.`
}
