import type { HubCreatedToken, HubUser } from '@atrium/contract/hub-models.ts'

import type { Client } from '#client.ts'
import { segment } from '#commands/options.ts'
import { CliError, exitCodes } from '#output.ts'

/** Longer than anybody watches a run; it goes with the command otherwise. */
const watchedSeconds = 30 * 86_400
const detachedSeconds = 60

/** The platform as a user sees it, whose programs run as that user. */
export interface UserConnection {
  client: Client
  /** Takes back what was lent. */
  close(): Promise<void>
}

/**
 * Programs run as the user who asks. Whose token this is, that is the one; an administrator names another, and gets a token of theirs for as
 * long as the command lasts. Throws `CliError` when it is nobody's.
 */
export async function connectAsUser(
  client: Client,
  name: string | undefined,
  leavesAtOnce: boolean,
): Promise<UserConnection> {
  const self = await findSelf(client)
  if (self?.kind !== 'service' && (name === undefined || self?.name === name)) {
    return { client, close: async () => {} }
  }
  if (name === undefined) {
    throw new CliError('Programs run as the user who asks, and this token is none’s.', {
      hint: 'Set ATRIUM_TOKEN to a token of yours, or name the user with --user NAME.',
      exitCode: exitCodes.wrongUsage,
    })
  }
  const tokens = `/hub/api/users/${segment(name)}/tokens`
  const { token, id } = await client.call<HubCreatedToken>('POST', tokens, {
    note: 'atrium run',
    scopes: [`jobs!user=${name}`, `read:users:name!user=${name}`],
    expires_in: leavesAtOnce ? detachedSeconds : watchedSeconds,
  })
  return {
    client: client.withToken(token),
    close: async () => {
      await client.call('DELETE', `${tokens}/${segment(id)}`).catch(() => {})
    },
  }
}

/** Undefined: a token that may run programs and nothing else is not told whose it is. Services' own tokens are. */
async function findSelf(client: Client): Promise<HubUser | { kind: 'service'; name?: string } | undefined> {
  try {
    return await client.call('GET', '/hub/api/user')
  } catch (error) {
    if (error instanceof CliError && error.exitCode === exitCodes.notAllowed) return undefined
    throw error
  }
}
