import type { ReadableDatabase } from '#store/store.ts'

/** What a job refers to by number. */
export interface JobReferences {
  readonly userId: number | null
  readonly groupId: number | null
  /** `server:17`. */
  readonly subject: string
}

/** The same by name. */
export interface JobNames {
  user?: string
  group?: string
  /** Of a job that is a server's; empty for the default one. */
  server?: string
  /** Of a job that is of a run. */
  run?: number
}

/** Says who and what jobs are of, for all of them at once. Names of things that are gone are left out. */
export async function readJobNames<Job extends JobReferences>(
  db: ReadableDatabase,
  jobs: readonly Job[],
): Promise<(job: Job) => JobNames> {
  const users = await readNames(
    db,
    'users',
    jobs.map(({ userId }) => userId),
  )
  const groups = await readNames(
    db,
    'groups',
    jobs.map(({ groupId }) => groupId),
  )
  const servers = await readNames(
    db,
    'servers',
    jobs.map(({ subject }) => parseServerId(subject)),
  )
  return ({ userId, groupId, subject }) => {
    const user = users.get(userId ?? 0)
    const group = groups.get(groupId ?? 0)
    const server = servers.get(parseServerId(subject) ?? 0)
    const run = parseRunId(subject)
    return {
      ...(user === undefined ? {} : { user }),
      ...(group === undefined ? {} : { group }),
      ...(server === undefined ? {} : { server }),
      ...(run === undefined ? {} : { run }),
    }
  }
}

async function readNames(
  db: ReadableDatabase,
  table: 'users' | 'groups' | 'servers',
  ids: readonly (number | null)[],
): Promise<ReadonlyMap<number, string>> {
  const wanted = [...new Set(ids)].filter((id) => id !== null)
  if (wanted.length === 0) return new Map()
  const rows = await db.selectFrom(table).select(['id', 'name']).where('id', 'in', wanted).execute()
  return new Map(rows.map(({ id, name }) => [id, name]))
}

function parseServerId(subject: string): number | null {
  const [kind, id] = subject.split(':')
  return kind === 'server' ? Number(id) : null
}

function parseRunId(subject: string): number | undefined {
  const [kind, id] = subject.split(':')
  return kind === 'run' ? Number(id) : undefined
}
