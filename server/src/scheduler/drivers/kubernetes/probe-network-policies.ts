import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'

import type { V1Pod } from '@kubernetes/client-node'

import type { Clock } from '#platform/clock.ts'

import { applyObject } from './apply-object.ts'
import { createKubeClient, type KubeClient } from './kube-client.ts'
import type { KubernetesSchedulerConfig } from './kubernetes-config.ts'

/** Whether the cluster holds pods to network policies. */
export type PolicyVerdict =
  | { state: 'enforced' }
  /** A port that a policy closes was reached. */
  | { state: 'open' }
  | { state: 'unknown'; why: string }

export interface PolicyProbeOptions {
  clock: Clock
  /** How long the pod may take to answer. */
  patienceMs: number
  signal: AbortSignal
}

type Config = Pick<
  KubernetesSchedulerConfig,
  | 'kubeconfig'
  | 'context'
  | 'namespace'
  | 'image'
  | 'imagePullPolicy'
  | 'imagePullSecrets'
  | 'python'
  | 'serviceAccount'
  | 'callTimeoutMs'
>

const ports = { open: 8000, closed: 8001 } as const
const label = 'atrium.dev/probe'
const connectMs = 3000
/** A network plugin may take a moment to learn of a policy. */
const lagMs = 6000
const everyMs = 300
const ownUid = 65_534

/**
 * Looks for itself: a pod for a moment, with one port that a policy opens to all and one that it does not. The first says that this machine
 * reaches pods at all, the second whether anybody holds to policies. It cannot tell on the node of that pod, which plugins always let in.
 */
export async function probeNetworkPolicies(
  config: Config,
  { clock, patienceMs, signal }: PolicyProbeOptions,
): Promise<PolicyVerdict> {
  const client = createKubeClient(config)
  const name = `atrium-probe-${randomBytes(6).toString('hex')}`
  const policy = `/apis/networking.k8s.io/v1/namespaces/${config.namespace}/networkpolicies/${name}`
  const pod = `/api/v1/namespaces/${config.namespace}/pods/${name}`
  try {
    await applyObject(client, policy, buildPolicy(name), signal)
    await applyObject(client, pod, buildPod(config, name, patienceMs), signal)
    const host = await waitForHost({ client, pod, clock, patienceMs, signal })
    if (typeof host !== 'string') return host
    const closed = () => isReached(host, ports.closed)
    for (const until = clock.monotonic() + lagMs; await closed(); await clock.sleep(everyMs, { signal }))
      if (clock.monotonic() > until) return { state: 'open' }
    return { state: 'enforced' }
  } finally {
    await Promise.allSettled([remove(client, pod), remove(client, policy)])
  }
}

/** Its address once the open port answers. */
async function waitForHost({
  client,
  pod,
  clock,
  patienceMs,
  signal,
}: PolicyProbeOptions & { client: KubeClient; pod: string }): Promise<string | PolicyVerdict> {
  const until = clock.monotonic() + patienceMs
  for (;;) {
    const { status } = await client.call<V1Pod>('GET', pod, { signal })
    const host = status?.podIP
    if (status?.phase === 'Running' && host !== undefined && (await isReached(host, ports.open))) return host
    if (clock.monotonic() > until || status?.phase === 'Failed')
      return {
        state: 'unknown',
        why:
          status?.phase === 'Running'
            ? `this machine does not reach the pod at ${host}`
            : `the pod for it does not run: ${describe(status)}`,
      }
    await clock.sleep(everyMs, { signal })
  }
}

function describe(status: V1Pod['status']): string {
  const waiting = status?.containerStatuses?.[0]?.state?.waiting
  const scheduled = status?.conditions?.find(({ type }) => type === 'PodScheduled')
  return waiting?.message ?? waiting?.reason ?? scheduled?.message ?? status?.message ?? 'no reason is given'
}

function isReached(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: connectMs })
    const end = (reached: boolean) => {
      socket.destroy()
      resolve(reached)
    }
    socket.once('connect', () => end(true))
    socket.once('timeout', () => end(false))
    socket.once('error', () => end(false))
  })
}

function remove(client: KubeClient, path: string): Promise<unknown> {
  const body = { gracePeriodSeconds: 0 }
  return client.call('DELETE', path, { body, signal: AbortSignal.timeout(20_000) })
}

function buildPolicy(name: string): object {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name, labels: { [label]: name } },
    spec: {
      podSelector: { matchLabels: { [label]: name } },
      policyTypes: ['Ingress'],
      ingress: [{ ports: [{ protocol: 'TCP', port: ports.open }] }],
    },
  }
}

const listener = `import socket, time
servers = [socket.create_server(('', port)) for port in (${ports.open}, ${ports.closed})]
time.sleep(600)`

function buildPod(config: Config, name: string, patienceMs: number): object {
  const { image, imagePullPolicy, imagePullSecrets = [], python, serviceAccount } = config
  const amounts = { cpu: '50m', memory: '64Mi' }
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { [label]: name } },
    spec: {
      restartPolicy: 'Never',
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      // Should nobody be there any more to remove it.
      activeDeadlineSeconds: Math.ceil(patienceMs / 1000) + 60,
      ...(serviceAccount === undefined ? {} : { serviceAccountName: serviceAccount }),
      ...(imagePullSecrets.length === 0
        ? {}
        : { imagePullSecrets: imagePullSecrets.map((secret) => ({ name: secret })) }),
      securityContext: { runAsNonRoot: true, runAsUser: ownUid, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          name: 'probe',
          image,
          ...(imagePullPolicy === undefined ? {} : { imagePullPolicy }),
          command: [python, '-I', '-S', '-c', listener],
          resources: { requests: amounts, limits: amounts },
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          },
        },
      ],
    },
  }
}
