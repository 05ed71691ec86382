import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import { waitFor } from '@atrium/server/platform/wait-for.ts'

import type { Platform } from './platform.ts'

/** argv of a server that costs nothing, for tests of everything around it. */
export const trivialServer: readonly string[] = [
  '/usr/bin/python3',
  '-I',
  '-S',
  join(import.meta.dirname, 'trivial-server.py'),
]

/** Configuration that runs trivial servers. */
export const trivialConfig = JSON.stringify({ servers: { command: trivialServer, idle: { stop: false } } })

interface ServerModel {
  ready: boolean
  pending: string | null
  stopped: boolean
}

/** The default server of a user as the API tells; undefined: none runs. */
export async function findServerModel(platform: Platform, user: string): Promise<ServerModel | undefined> {
  const { body } = await platform.api<{ servers?: Record<string, ServerModel> }>(
    'GET',
    `/hub/api/users/${user}`,
  )
  return body.servers?.['']
}

/** Asks for a user's default server; the user is made if need be. */
export async function requestServer(platform: Platform, user: string): Promise<number> {
  await platform.api('POST', `/hub/api/users/${user}`)
  const { status } = await platform.api('POST', `/hub/api/users/${user}/server`, { body: {} })
  return status
}

/** Resolves when the default server of this user is ready. */
export async function waitUntilReady(platform: Platform, user: string): Promise<void> {
  await waitFor(`${user}'s server`, async () => (await findServerModel(platform, user))?.ready === true, {
    everyMs: 50,
  })
}

/** Resolves when the default server of this user is gone. */
export async function waitUntilStopped(platform: Platform, user: string): Promise<void> {
  await waitFor(
    `the end of ${user}'s server`,
    async () =>
      (await findServerModel(platform, user))?.ready !== true &&
      (await findServerModel(platform, user))?.pending == null,
    {
      everyMs: 50,
    },
  )
}

/** Pids of the jobs that run for this platform, by the mark that every job carries. */
export function findJobProcesses(platform: Platform, user?: string): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      const environment = readEnvironment(pid)
      return (
        environment.has('ATRIUM_JOB') &&
        environment.get('JUPYTERHUB_API_URL')?.startsWith(platform.url) === true &&
        (user === undefined || environment.get('JUPYTERHUB_USER') === user)
      )
    })
}

function readEnvironment(pid: number): ReadonlyMap<string, string> {
  try {
    const entries = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0')
    return new Map(
      entries.map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]),
    )
  } catch {
    return new Map()
  }
}
