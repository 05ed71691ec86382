import type { HubUser } from '@atrium/contract/hub-models.ts'
import { findNearestName } from '@atrium/contract/nearest-name.ts'

import type { Client } from './client.ts'
import { CliError } from './output.ts'

const notFound = 404

/** Does what concerns a user; when the platform knows nothing of the kind, says whether it was the name, and which was meant. */
export async function explainUnknownUser<T>(
  client: Client,
  name: string,
  action: () => Promise<T>,
): Promise<T> {
  try {
    return await action()
  } catch (error) {
    if (!(error instanceof CliError) || error.status !== notFound) throw error
    throw await explain(client, name, error)
  }
}

async function explain(client: Client, name: string, error: CliError): Promise<CliError> {
  // Whoever may not list users is told no more than before.
  const users = await client.list<HubUser>('/hub/api/users').catch(() => undefined)
  if (users === undefined) return error
  const names = users.map((user) => user.name)
  if (names.includes(name)) return new CliError(`${name} has no such server or token.`, { status: notFound })
  const nearest = findNearestName(name, names)
  return new CliError(`There is no user ${JSON.stringify(name)}.`, {
    status: notFound,
    hint: nearest === undefined ? 'See `atrium user list`.' : `Did you mean ${nearest}?`,
  })
}
