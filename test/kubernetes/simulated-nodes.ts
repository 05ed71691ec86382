import { waitFor } from '@atrium/server/platform/wait-for.ts'
import { annotations } from '@atrium/server/scheduler/drivers/kubernetes/pod-names.ts'
/** Which nodes are simulated, by KWOK's own name for it. */
export const simulatedAnnotation = 'kwok.x-k8s.io/node'
const markLabel = 'atrium.test/simulated'
const defaultPrefix = 'sim'

interface Taint {
  key: string
  value?: string
  effect: 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute'
}

export interface SimulatedNodeOptions {
  /** Of the nodes' names: `sim-0`, `sim-1`. Default `sim`. */
  prefix?: string
  labels?: Readonly<Record<string, string>>
  /** Default: one that keeps away all pods that do not tolerate `kwok.x-k8s.io/node`. */
  taints?: readonly Taint[]
  /** Cores of each. Default 32. */
  cpu?: number
  /** As Kubernetes writes it. Default `256Gi`. */
  memory?: string
  gpu?: number
  /** Pods on each. Default 110. */
  pods?: number
}

/** Nodes that take pods and say that they run, without running anything. */
export interface SimulatedNodes {
  names: readonly string[]
  /** Removes them, with their pods. */
  remove(): Promise<void>
}

/** What keeps real pods from simulated nodes. */
export const simulatedTaint: Taint = { key: simulatedAnnotation, value: 'fake', effect: 'NoSchedule' }

/** What is needed of the cluster. */
interface Access {
  kubectl(...args: string[]): Promise<string>
  apply(...resources: readonly object[]): Promise<void>
}

/** Adds nodes for the simulator, which runs. Resolves when they are ready. */
export async function addSimulatedNodes(
  cluster: Access,
  count: number,
  options: SimulatedNodeOptions = {},
): Promise<SimulatedNodes> {
  const nodes = Array.from({ length: count }, (_, index) => buildNode(index, options))
  const names = nodes.map(({ metadata }) => metadata.name)
  const selector = `${markLabel}=${options.prefix ?? defaultPrefix}`
  await cluster.apply(...nodes)
  const output = '--output=jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}'
  await waitFor(
    'the simulated nodes to be ready',
    async () => {
      const states = await cluster.kubectl('get', 'nodes', '--selector', selector, output)
      return states.split(' ').filter((status) => status === 'True').length === count
    },
    { deadlineMs: 120_000, everyMs: 300 },
  )
  return { names, remove: () => removeNodes(cluster, selector, new Set(names)) }
}

async function removeNodes(cluster: Access, selector: string, names: ReadonlySet<string>): Promise<void> {
  const columns = '{range .items[*]}{.metadata.namespace} {.spec.nodeName}{"\\n"}{end}'
  const listed = await cluster.kubectl('get', 'pods', '--all-namespaces', `--output=jsonpath=${columns}`)
  const places = new Set(listed.split('\n').filter((line) => names.has(line.split(' ')[1] ?? '')))
  for (const [namespace, node] of [...places].map((line) => line.split(' '))) {
    // All pods of a node by one call; kubectl itself would make one for each.
    const query = `fieldSelector=spec.nodeName%3D${node}&gracePeriodSeconds=0`
    await cluster.kubectl('delete', '--raw', `/api/v1/namespaces/${namespace}/pods?${query}`)
  }
  await cluster.kubectl('delete', 'nodes', '--selector', selector)
}

function buildNode(
  index: number,
  {
    prefix = defaultPrefix,
    labels = {},
    taints = [simulatedTaint],
    cpu = 32,
    memory = '256Gi',
    gpu = 0,
    pods = 110,
  }: SimulatedNodeOptions,
) {
  const name = `${prefix}-${index}`
  const amounts = {
    cpu: String(cpu),
    memory,
    pods: String(pods),
    ...(gpu === 0 ? {} : { 'nvidia.com/gpu': String(gpu) }),
  }
  const own = { 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux', [markLabel]: prefix }
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { ...own, ...labels }, annotations: { [simulatedAnnotation]: 'fake' } },
    spec: { taints },
    status: { allocatable: amounts, capacity: amounts },
  }
}

/**
 * How simulated pods live (https://kwok.sigs.k8s.io/docs/user/stages-configuration/): they run at once, end when the driver orders it, as
 * their first process would, and go when they are deleted.
 */
export const podStages = [
  buildStage('pod-ready', [absent('.metadata.deletionTimestamp'), absent('.status.podIP')], {
    statusTemplate: `{{ $now := Now }}
conditions:
- {lastTransitionTime: {{ $now | Quote }}, status: "True", type: Initialized}
- {lastTransitionTime: {{ $now | Quote }}, status: "True", type: Ready}
- {lastTransitionTime: {{ $now | Quote }}, status: "True", type: ContainersReady}
containerStatuses:
{{ range .spec.containers }}
- {image: {{ .image | Quote }}, name: {{ .name | Quote }}, ready: true, restartCount: 0, state: {running: {startedAt: {{ $now | Quote }}}}}
{{ end }}
hostIP: {{ NodeIPWith .spec.nodeName | Quote }}
podIP: {{ PodIPWith .spec.nodeName false ( or .metadata.uid "" ) ( or .metadata.name "" ) ( or .metadata.namespace "" ) | Quote }}
phase: Running
startTime: {{ $now | Quote }}`,
  }),
  buildStage(
    'pod-ended',
    [
      absent('.metadata.deletionTimestamp'),
      { key: '.status.phase', operator: 'In', values: ['Running'] },
      { key: `.metadata.annotations["${annotations.end}"]`, operator: 'NotIn', values: [''] },
      { key: `.metadata.annotations["${annotations.end}"]`, operator: 'Exists' },
    ],
    {
      statusTemplate: `{{ $now := Now }}
containerStatuses:
{{ range .spec.containers }}
- {image: {{ .image | Quote }}, name: {{ .name | Quote }}, ready: false, restartCount: 0, state: {terminated: {exitCode: 143, finishedAt: {{ $now | Quote }}, startedAt: {{ $now | Quote }}, reason: Error}}}
{{ end }}
phase: Failed`,
    },
  ),
  buildStage('pod-delete', [{ key: '.metadata.deletionTimestamp', operator: 'Exists' }], {
    finalizers: { empty: true },
    delete: true,
  }),
]

interface StageCondition {
  key: string
  operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist'
  values?: readonly string[]
}

function absent(key: string): StageCondition {
  return { key, operator: 'DoesNotExist' }
}

function buildStage(name: string, matchExpressions: readonly StageCondition[], next: object) {
  return {
    apiVersion: 'kwok.x-k8s.io/v1alpha1',
    kind: 'Stage',
    metadata: { name },
    spec: { resourceRef: { apiGroup: 'v1', kind: 'Pod' }, selector: { matchExpressions }, next },
  }
}
