import { join } from 'node:path'

import { buildLocalConfig } from '#scheduler/drivers/local/local-config.ts'
import { createLocalScheduler, type LocalScheduler } from '#scheduler/drivers/local/local-scheduler.ts'

import type { DataFolder } from './data-folder.ts'

/** Where the node agent of a data folder listens. */
export function findAgentSocket(data: DataFolder): string {
  return join(data.run, 'agent.sock')
}

/** The driver of this machine, with its agent in a data folder. */
export function createLocalDriver(
  data: DataFolder,
  python: string,
  settings: { jobProcesses?: number } = {},
): LocalScheduler {
  return createLocalScheduler(
    buildLocalConfig({
      ...settings,
      python,
      dataDir: data.root,
      socketPath: findAgentSocket(data),
      agentLogPath: join(data.logs, 'agent.log'),
    }),
  )
}
