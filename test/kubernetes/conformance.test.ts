import { before, describe } from 'node:test'

import { pythonProgram } from '@atrium/server/scheduler/conformance/programs.ts'
import { schedulerConformance } from '@atrium/server/scheduler/conformance/scheduler-conformance.ts'

import { openDriverJobs } from './driver-jobs.ts'
import { createDriverSite, type DriverSite, ensureNamespace, namespace, podPython } from './driver-site.ts'
import { kubernetesSkipReason, openSharedKubernetesCluster } from './shared-cluster.ts'

/** For some seconds after its API server the cluster misses its node, and the node cannot tell of its pods. */
async function untilPodsRun(site: DriverSite): Promise<void> {
  const jobs = openDriverJobs(site, site.scheduler)
  const handle = await jobs.submit(jobs.spec(jobs.program('succeed')))
  await jobs.until(handle, 'ended')
}

describe('the Kubernetes driver', { skip: kubernetesSkipReason }, () => {
  before(() => ensureNamespace(openSharedKubernetesCluster()))

  schedulerConformance('kubernetes', {
    batchSize: 20,
    deadlineMs: 40_000,
    async create() {
      const cluster = openSharedKubernetesCluster()
      const site = await createDriverSite(cluster)
      return {
        scheduler: site.scheduler,
        reopen: async () => site.open(),
        owner: site.owner,
        workingDirectory: site.workingDirectory,
        program: pythonProgram(podPython),
        async disconnect() {
          // Asked to end, it waits a minute for its watchers.
          await cluster.daemon('kube-apiserver').kill()
          return async () => {
            await cluster.daemon('kube-apiserver').start()
            await untilPodsRun(site)
          }
        },
        buildPending: (spec) => ({ ...spec, nodePool: 'nowhere' }),
        visibleText: async () => {
          // All that somebody may be let to read who may not read secrets.
          const kinds = 'pods,events,configmaps,serviceaccounts'
          return cluster.kubectl('get', kinds, '--namespace', namespace, '--output=yaml')
        },
        async dispose() {
          await cluster.daemon('kube-apiserver').start()
          await site.dispose()
        },
      }
    },
  })
})
