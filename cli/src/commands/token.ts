import type { HubCreatedToken, HubToken, HubUser } from '@atrium/contract/hub-models.ts'
import { type Command, InvalidArgumentError } from 'commander'

import { type ConnectionOptions, connect } from '#client.ts'
import { CliError, type Column, formatAgo, print, renderTable } from '#output.ts'
import { explainUnknownUser } from '#unknown-user.ts'
import { collect, segment, withConnection } from './options.ts'

const columns: readonly Column<HubToken>[] = [
  { heading: 'ID', cell: (token) => token.id },
  { heading: 'NOTE', cell: (token) => token.note },
  { heading: 'SCOPES', cell: (token) => summarise(token.scopes) },
  { heading: 'LAST USED', cell: (token) => formatAgo(token.last_activity) },
  { heading: 'EXPIRES', cell: (token) => token.expires_at ?? 'never' },
]

interface CreateOptions extends ConnectionOptions {
  user?: string
  note: string
  scope?: string[]
  expiresIn?: number
}

/** `token`: API tokens; a new one is printed once. */
export function addTokenCommands(program: Command): void {
  const token = program.command('token').description('list, create and revoke API tokens')
  const user = ['--user <name>', 'whose; default: the owner of the token this command uses'] as const
  withConnection(token.command('list'))
    .description('list tokens')
    .option(...user)
    .action(listTokens)
  withConnection(token.command('create'))
    .description('create a token and print it, once')
    .option(...user)
    .option('--note <text>', 'what it is for', 'created by the command line')
    .option('--scope <scope>', 'what it may do; repeatable; default: all its owner may', collect)
    .option('--expires-in <seconds>', 'seconds until it expires; default: never', parseSeconds)
    .action(createToken)
  withConnection(token.command('revoke'))
    .description('revoke a token')
    .argument('<id>')
    .option(...user)
    .action(revokeToken)
}

const mostShown = 3

/** All of them are in `--json`. */
function summarise(scopes: readonly string[]): string {
  const shown = scopes.slice(0, mostShown).join(' ')
  return scopes.length > mostShown ? `${shown} and ${scopes.length - mostShown} more` : shown
}

async function listTokens(options: ConnectionOptions & { user?: string }): Promise<void> {
  const client = await connect(options)
  const owner = options.user ?? (await findOwnName(client))
  const { api_tokens: tokens } = await explainUnknownUser(client, owner, () =>
    client.call<{ api_tokens: HubToken[] }>('GET', `/hub/api/users/${segment(owner)}/tokens`),
  )
  print(tokens, options, (rows) => renderTable(rows, columns, `${owner} has no tokens.`))
}

async function createToken(options: CreateOptions): Promise<void> {
  const client = await connect(options)
  const owner = options.user ?? (await findOwnName(client))
  const created = await explainUnknownUser(client, owner, () =>
    client.call<HubCreatedToken>('POST', `/hub/api/users/${segment(owner)}/tokens`, {
      note: options.note,
      ...(options.scope === undefined ? {} : { scopes: options.scope }),
      ...(options.expiresIn === undefined ? {} : { expires_in: options.expiresIn }),
    }),
  )
  print(created, options, ({ token }) => token)
}

async function revokeToken(id: string, options: ConnectionOptions & { user?: string }): Promise<void> {
  const client = await connect(options)
  const owner = options.user ?? (await findOwnName(client))
  await explainUnknownUser(client, owner, () =>
    client.call('DELETE', `/hub/api/users/${segment(owner)}/tokens/${segment(id)}`),
  )
  print({ revoked: id }, options, () => `Revoked ${id}.`)
}

async function findOwnName(client: Awaited<ReturnType<typeof connect>>): Promise<string> {
  const self = await client.call<HubUser | { kind: 'service' }>('GET', '/hub/api/user')
  if (self.kind === 'user') return self.name
  throw new CliError('Whose token?', { hint: 'Name the user with --user NAME.' })
}

function parseSeconds(text: string): number {
  const seconds = Number(text)
  if (!Number.isInteger(seconds) || seconds <= 0)
    throw new InvalidArgumentError('a whole number of seconds above 0')
  return seconds
}
