import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'

import { waitFor } from '@atrium/server/platform/wait-for.ts'

import type { KubernetesCluster } from './cluster.ts'
import { kubernetesSkipReason, openSharedKubernetesCluster } from './shared-cluster.ts'

const namespace = 'cluster-test'

describe('the Kubernetes cluster of the tests', { skip: kubernetesSkipReason }, () => {
  let cluster: KubernetesCluster

  before(async () => {
    cluster = openSharedKubernetesCluster()
    const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' }
    await cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } })
  })
  after(async () => {
    await cluster?.kubectl('delete', 'namespace', namespace, '--wait=false')
  })

  const pod = (name: string, container: object, more: object = {}) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace },
    spec: {
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: 1,
      securityContext: { runAsNonRoot: true, runAsUser: 2001, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          name: 'main',
          image: 'local.test/python:1',
          imagePullPolicy: 'Never',
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
          ...container,
        },
      ],
      ...more,
    },
  })

  const phase = (name: string, phase: string) =>
    cluster.kubectl(
      ...[
        'wait',
        `pod/${name}`,
        '--namespace',
        namespace,
        `--for=jsonpath={.status.phase}=${phase}`,
        '--timeout=60s',
      ],
    )

  test('runs a pod of a person, whose server this machine reaches', async () => {
    await cluster.apply(
      pod('server', { command: ['python3', '-m', 'http.server', '8000', '--directory', '/tmp'] }),
    )
    await phase('server', 'Running')
    const address = (
      await cluster.kubectl(
        'get',
        'pod',
        'server',
        '--namespace',
        namespace,
        '--output=jsonpath={.status.podIP}',
      )
    ).trim()
    const answer = await waitFor('the pod to answer', () =>
      fetch(`http://${address}:8000/`).then(
        ({ status }) => status,
        () => undefined,
      ),
    )
    assert.equal(answer, 200)
    const identity = await cluster.kubectl('exec', 'server', '--namespace', namespace, '--', 'id', '-u')
    assert.equal(identity.trim(), '2001')
  })

  test('ends what uses more memory than it may', async () => {
    const command = ['python3', '-c', 'x = bytearray(400 << 20)']
    await cluster.apply(pod('eater', { command, resources: { limits: { memory: '64Mi' } } }))
    await phase('eater', 'Failed')
    const state = await cluster.kubectl(
      ...['get', 'pod', 'eater', '--namespace', namespace],
      '--output=jsonpath={.status.containerStatuses[0].state.terminated.reason}',
    )
    assert.equal(state, 'OOMKilled')
  })

  test('refuses a pod that wants to be root', async () => {
    const wanted = pod('root', { securityContext: { runAsUser: 0, allowPrivilegeEscalation: true } })
    await assert.rejects(cluster.apply(wanted), /violates PodSecurity/)
  })
})
