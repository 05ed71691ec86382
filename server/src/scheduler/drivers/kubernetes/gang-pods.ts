import type { V1Pod, V1ResourceRequirements } from '@kubernetes/client-node'

import { countPrograms } from '#scheduler/count-programs.ts'
import type { JobSpec } from '#scheduler/job.ts'

import { buildPod } from './build-pod.ts'
import type { KubernetesSchedulerConfig } from './kubernetes-config.ts'
import type { Launcher } from './launcher-source.ts'
import { annotations, labels } from './pod-names.ts'

/** Holds a pod back until all pods of its job may look for nodes. */
export const gangGate = 'atrium.dev/gang'
/** What starts the tasks and passes their output on. */
const mainResources = { cpu: 1, memoryBytes: 512 * 2 ** 20 }
const mainReserved = { cpu: 0.05, memory: 0.25 }

/** The pods that lend themselves to a job of several pods: what its main pod says of them, so that they can be made again from that. */
export interface Gang {
  /** How many tasks each has. */
  shares: readonly number[]
  resources: readonly V1ResourceRequirements[]
  /** What all have in common. */
  peer: V1Pod
  timeLimitMs?: number
}

/** How many tasks each pod of a job has; undefined: all are in one. */
export function findShares(spec: JobSpec): readonly number[] | undefined {
  const tasks = countPrograms(spec)
  const pods = Math.min(spec.nodes ?? 1, tasks)
  if (pods < 2) return undefined
  return Array.from({ length: pods }, (_, index) => Math.floor(tasks / pods) + (index < tasks % pods ? 1 : 0))
}

/**
 * The main pod of a job of several pods. It is small and waits, so that it stands in nobody's way; the job's time begins when all are there,
 * and so its limit is not the pod's yet.
 */
export function buildGangPod(
  config: KubernetesSchedulerConfig,
  spec: JobSpec,
  { launcher, shares }: { launcher: Launcher; shares: readonly number[] },
): V1Pod {
  const { timeLimitMs, ...timeless } = spec
  const pod = { ...spec.pod, reserved: mainReserved }
  const main = buildPod(config, { ...timeless, pod, resources: mainResources, tasks: 1 }, launcher)
  const peers = shares.map((tasks) => buildPod(config, { ...timeless, tasks }, launcher))
  const gang: Gang = {
    shares,
    resources: peers.map((peer) => peer.spec?.containers[0]?.resources ?? {}),
    peer: peers[0] ?? main,
    ...(timeLimitMs === undefined ? {} : { timeLimitMs }),
  }
  const said = { ...main.metadata?.annotations, [annotations.gang]: JSON.stringify(gang) }
  return { ...main, metadata: { ...main.metadata, annotations: said } }
}

export function readGang({ metadata }: V1Pod): Gang | undefined {
  const text = metadata?.annotations?.[annotations.gang]
  return text === undefined ? undefined : (JSON.parse(text) as Gang)
}

export function peerNameOf(main: V1Pod, index: number): string {
  return `${main.metadata?.name}-peer-${index}`
}

/** A pod that lends itself, held back; it goes with the main one. */
export function buildPeer({ peer, resources }: Gang, main: V1Pod, index: number): V1Pod {
  const [job, ...others] = peer.spec?.containers ?? []
  const { [labels.job]: key = '', ...rest } = main.metadata?.labels ?? {}
  const owner = { apiVersion: 'v1', kind: 'Pod', name: main.metadata?.name, uid: main.metadata?.uid }
  const env = [...(job?.env ?? []), { name: 'ATRIUM_PEER', value: String(index) }]
  return {
    ...peer,
    metadata: {
      name: peerNameOf(main, index),
      labels: { ...rest, [labels.peerOf]: key },
      annotations: { [annotations.end]: '' },
      ownerReferences: [owner] as never,
    },
    spec: {
      ...peer.spec,
      containers: [{ ...job, env, resources: resources[index] } as never, ...others],
      schedulingGates: [{ name: gangGate }],
      affinity: { ...peer.spec?.affinity, podAntiAffinity: apart(key) },
    },
  }
}

/** On as many nodes as there are, if there is room. */
function apart(key: string) {
  const podAffinityTerm = {
    labelSelector: { matchLabels: { [labels.peerOf]: key } },
    topologyKey: 'kubernetes.io/hostname',
  }
  return { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, podAffinityTerm }] }
}
