import { before, describe } from 'node:test'

import { pythonProgram } from '@atrium/server/scheduler/conformance/programs.ts'
import { schedulerConformance } from '@atrium/server/scheduler/conformance/scheduler-conformance.ts'

import { createDriverSite, ensureNamespace, namespace, podPython } from './driver-site.ts'
import { kubernetesSkipReason, openSharedKubernetesCluster } from './shared-cluster.ts'

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
          return () => cluster.daemon('kube-apiserver').start()
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
