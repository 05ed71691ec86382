import { stopEdgeProcess } from '#edge/drivers/builtin/ensure-edge-process.ts'
import { waitFor } from '#platform/wait-for.ts'
import type { LocalScheduler } from '#scheduler/drivers/local/local-scheduler.ts'
import type { Jobs } from '#scheduler/jobs.ts'
import type { Store } from '#store/store.ts'

import { isSocketAlive } from './control-socket.ts'
import type { DataFolder } from './data-folder.ts'
import { createLocalDriver, findAgentSocket } from './local-driver.ts'
import { removePlatformFile } from './platform-file.ts'
import { findEdgeSocket } from './start-edge.ts'

const jobsEndWithinMs = 60_000
const askMs = 5000
const graceMs = 5000
const lookMs = 50

/** Ends jobs by the book: wanted as stopped, recorded when they have. `whose`: those of users, or the platform's own as well. */
export async function stopJobs(jobs: Jobs, store: Store, whose: 'users' | 'all'): Promise<void> {
  const list = async () => {
    const active = await jobs.list({ active: true, limit: Number.MAX_SAFE_INTEGER })
    return whose === 'all' ? active : active.filter(({ userId }) => userId !== null)
  }
  const keys = (await list()).map(({ key }) => key)
  const reason = { reason: 'platform_down', message: 'The platform was shut down.' }
  await store.transaction((tx) => jobs.requestStop(tx, keys, reason))
  await waitFor('all jobs to end', async () => (await list()).length === 0, {
    deadlineMs: jobsEndWithinMs,
    everyMs: lookMs,
  })
}

/** Without a control plane: the node agent ends its jobs; the next control plane records what it then finds. Answers how many. */
export async function killAllJobs(scheduler: LocalScheduler): Promise<number> {
  const signal = () => ({ signal: AbortSignal.timeout(askMs) })
  const handles = await scheduler.list(signal())
  await scheduler.cancel(handles, { graceMs, ...signal() })
  await waitFor('all jobs to end', async () => (await scheduler.list(signal())).length === 0, {
    deadlineMs: jobsEndWithinMs,
    everyMs: lookMs,
  })
  return handles.length
}

/** Ends the node agent: nothing it could look after is left. */
export async function endAgent(scheduler: LocalScheduler): Promise<void> {
  await scheduler.shutdownAgent({ signal: AbortSignal.timeout(askMs) })
}

/** With no job to look after, the agent and its fork servers would only keep memory. */
export async function endIdleAgent(data: DataFolder, python: string): Promise<void> {
  if (!(await isSocketAlive(findAgentSocket(data)))) return
  const scheduler = createLocalDriver(data, python)
  try {
    const jobs = await scheduler.list({ signal: AbortSignal.timeout(askMs) })
    if (jobs.length === 0) await endAgent(scheduler)
  } finally {
    await scheduler.close()
  }
}

/** Frees the public port, and says no more that a platform is here. */
export async function endEdge(data: DataFolder): Promise<void> {
  await stopEdgeProcess(findEdgeSocket({ data }))
  await removePlatformFile(data)
}
