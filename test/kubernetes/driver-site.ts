import { randomBytes } from 'node:crypto'

import { type Clock, systemClock } from '@atrium/server/platform/clock.ts'
import { createSilentLogger } from '@atrium/server/platform/log.ts'
import { waitFor } from '@atrium/server/platform/wait-for.ts'
import type { KubernetesSchedulerConfig } from '@atrium/server/scheduler/drivers/kubernetes/kubernetes-config.ts'
import {
  createKubernetesScheduler,
  type KubernetesScheduler,
} from '@atrium/server/scheduler/drivers/kubernetes/kubernetes-scheduler.ts'
import type { JobOwner } from '@atrium/server/scheduler/job.ts'

import type { KubernetesCluster } from './cluster.ts'
import { ensureSmallestRole } from './smallest-role.ts'

/** What the images of the test cluster have. */
export const podPython = '/usr/bin/python3'
export const namespace = 'jobs'
const workingDirectory = '/work'

/** The driver on a real cluster, with the rights that the platform is given and no others, without the rest of a control plane. */
export interface DriverSite {
  scheduler: KubernetesScheduler
  owner: JobOwner
  workingDirectory: string
  /** What its objects have in common. */
  selector: string
  /** Another driver on the same cluster, as after a restart. */
  open(changes?: { clock?: Clock; config?: Partial<KubernetesSchedulerConfig> }): KubernetesScheduler
  /** Jobs of the site that are left are ended. */
  dispose(): Promise<void>
}

/** Where users' pods are: under the strictest of the Pod Security Standards. */
export async function ensureNamespace(cluster: KubernetesCluster, name = namespace): Promise<void> {
  await cluster.apply({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
  })
}

export async function createDriverSite(
  cluster: KubernetesCluster,
  more: Partial<KubernetesSchedulerConfig> = {},
): Promise<DriverSite> {
  const instance = `t${randomBytes(6).toString('hex')}`
  const { kubeconfig } = await ensureSmallestRole(cluster, more.namespace ?? namespace)
  const config: KubernetesSchedulerConfig = {
    kubeconfig,
    namespace,
    instance,
    image: 'local.test/python:1',
    imagePullPolicy: 'Never',
    python: podPython,
    nodePools: { nowhere: { nodeSelector: { 'atrium.test/nowhere': 'yes' } } },
    volumesOf: () => ({
      volumes: [{ name: 'work', emptyDir: {} }],
      mounts: [{ name: 'work', mountPath: workingDirectory }],
    }),
    doorKey: randomBytes(16).toString('hex'),
    callTimeoutMs: 5000,
    ...more,
  }
  const opened: KubernetesScheduler[] = []
  const open: DriverSite['open'] = ({ clock = systemClock, config: changed = {} } = {}) => {
    const scheduler = createKubernetesScheduler(
      { ...config, ...changed },
      { clock, log: createSilentLogger() },
    )
    opened.push(scheduler)
    return scheduler
  }
  const selector = `atrium.dev/instance=${instance}`
  return {
    scheduler: open(),
    owner: { name: 'alice', login: 'alice', uid: 2001, gid: 2001, gids: [3001], home: workingDirectory },
    workingDirectory,
    selector,
    open,
    async dispose() {
      for (const scheduler of opened) await scheduler.close()
      const ours = ['--namespace', config.namespace, '--selector', selector]
      await cluster.kubectl(
        'delete',
        'pods,networkpolicies',
        ...ours,
        '--grace-period=0',
        '--force',
        '--wait=false',
      )
      await waitFor(
        'the pods of the site to go',
        async () => (await cluster.kubectl('get', 'pods', ...ours, '--output=name')).trim() === '',
        { deadlineMs: 60_000 },
      )
    },
  }
}
