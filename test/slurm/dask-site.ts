import type { ClusterDetail } from '@atrium/contract/clusters-api.ts'
import { waitFor } from '@atrium/server/platform/wait-for.ts'

import { createPerson, signIn, startServer } from '../real-parts/people.ts'
import { type NotebookKernel, openNotebookKernel } from '../support/answering-kernel.ts'
import type { SlurmCluster } from './cluster.ts'
import { type PlatformSite, startPlatformSite } from './platform-site.ts'

const config = {
  profiles: [
    { name: 'small', cpu: 1, memory: '600M', default: true },
    { name: 'spot', cpu: 1, memory: '400M', partition: 'low', preemptible: true },
  ],
  servers: { idle: { stop: false } },
  dask: { worker: { memory: '400M' }, scheduler: { memory: '400M' } },
}

/** A job of Slurm's that has not left the queue. */
export interface QueuedJob {
  /** `17`, or `17_3` of an array. */
  id: string
  /** Id of the array, or its own. */
  array: string
  name: string
  state: string
  node: string
  partition: string
  reason: string
}

/** A platform on the cluster, with alice's notebook in which Dask is used as people use it. */
export interface DaskSite {
  site: PlatformSite
  kernel: NotebookKernel
  /** Jobs of alice's that belong to Dask. */
  listDaskJobs(): Promise<readonly QueuedJob[]>
  /** Waits until that is true of them, and answers them. */
  untilJobs(
    what: string,
    isSo: (jobs: readonly QueuedJob[]) => boolean,
    deadlineMs?: number,
  ): Promise<readonly QueuedJob[]>
  /** As the administrator sees it. */
  findCluster(name: string): Promise<ClusterDetail>
  dispose(): Promise<void>
}

export const workerJob = 'atrium-dask-worker'
export const schedulerJob = 'atrium-dask-scheduler'
const patienceMs = 120_000

/** `more`: sections of atrium.yaml beside those that every such site has. */
export async function startDaskSite(
  cluster: SlurmCluster,
  more: Record<string, unknown> = {},
): Promise<DaskSite> {
  const site = await startPlatformSite(cluster, { ...config, ...more })
  const listDaskJobs = async () => {
    const args = ['--me', '-h', '-r', '-o', '%i|%F|%j|%T|%N|%P|%r']
    const { stdout } = await cluster.as('alice', 'squeue', args)
    const jobs = stdout.split('\n').map(parseJob)
    return jobs.filter(({ name }) => name === workerJob || name === schedulerJob)
  }
  try {
    const { platform } = site
    await createPerson(platform, 'alice')
    const alice = await signIn(platform, 'alice')
    await startServer(platform, 'alice')
    const kernel = await openNotebookKernel(alice, { url: platform.url, user: 'alice' })
    return {
      site,
      kernel,
      listDaskJobs,
      async untilJobs(what, isSo, deadlineMs = patienceMs) {
        let last: readonly QueuedJob[] = []
        const look = async () => {
          last = await listDaskJobs()
          return isSo(last)
        }
        await waitFor(what, look, { deadlineMs, everyMs: 200 }).catch((error: unknown) => {
          throw new Error(`${error}; last seen: ${JSON.stringify(last)}`)
        })
        return last
      },
      async findCluster(name) {
        return (await platform.api<ClusterDetail>('GET', `/api/v1/clusters/${name}`)).body
      },
      async dispose() {
        kernel.close()
        await site.dispose()
      },
    }
  } catch (error) {
    await site.dispose()
    throw error
  }
}

function parseJob(line: string): QueuedJob {
  const [id = '', array = '', name = '', state = '', node = '', partition = '', reason = ''] = line.split('|')
  return { id, array, name, state, node, partition, reason }
}

/** The workers among them. */
export function workersOf(jobs: readonly QueuedJob[]): readonly QueuedJob[] {
  return jobs.filter(({ name }) => name === workerJob)
}

export function areRunning(jobs: readonly QueuedJob[], count: number): boolean {
  return workersOf(jobs).filter(({ state }) => state === 'RUNNING').length === count
}
