import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'

import { waitFor } from '@atrium/server/platform/wait-for.ts'

import { readAuditLog } from './audit.ts'
import type { KubernetesCluster } from './cluster.ts'
import { kubernetesSkipReason, openSharedKubernetesCluster } from './shared-cluster.ts'
import { simulatedTaint } from './simulated-nodes.ts'

const namespace = 'cluster-test'
const serve = ['python3', '-m', 'http.server', '8000', '--directory', '/tmp']
const idle = ['sleep', '600']

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

  const withLabels = <T extends { metadata: object }>(labels: Record<string, string>, pod: T) => ({
    ...pod,
    metadata: { ...pod.metadata, labels },
  })

  /** Of somebody in the pod who waits three seconds. */
  const ask = async (from: string, url: string) => {
    const program = `import sys, urllib.request
try: print(urllib.request.urlopen(sys.argv[1], timeout=3).status)
except OSError: print('no answer')`
    const inPod = ['exec', from, '--namespace', namespace, '--', 'python3', '-c', program, url]
    return (await cluster.kubectl(...inPod)).trim()
  }

  const addressOf = async (name: string) =>
    (
      await cluster.kubectl(
        ...['get', 'pod', name, '--namespace', namespace, '--output=jsonpath={.status.podIP}'],
      )
    ).trim()

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
    await cluster.apply(pod('server', { command: serve }))
    await phase('server', 'Running')
    const address = await addressOf('server')
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

  test('holds pods to the network policies: who may not reach a pod is cut off, until the policy is gone', async () => {
    const labels = { team: 'red' }
    await cluster.apply(
      buildPolicy('red-only', { matchLabels: { guarded: 'yes' } }, [
        { podSelector: { matchLabels: labels } },
      ]),
      withLabels({ guarded: 'yes' }, pod('guarded', { command: serve })),
      withLabels(labels, pod('friend', { command: idle })),
      pod('stranger', { command: idle }),
    )
    for (const name of ['guarded', 'friend', 'stranger']) await phase(name, 'Running')
    const url = `http://${await addressOf('guarded')}:8000/`
    await waitFor('a friend to get through', async () => (await ask('friend', url)) === '200')
    assert.equal(await ask('stranger', url), 'no answer')
    await assert.rejects(fetch(url, { signal: AbortSignal.timeout(3000) }), 'nor this machine')

    await cluster.kubectl('delete', 'networkpolicy', 'red-only', '--namespace', namespace)
    await waitFor('a stranger to get through', async () => (await ask('stranger', url)) === '200')
  })

  test('has names for services: one address for all, or those of the pods behind it, ready or not as the service says', async () => {
    const names = { app: 'named' }
    const service = (name: string, more: object) => ({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace },
      spec: { selector: names, ports: [{ port: 80, targetPort: 8000 }], ...more },
    })
    const readinessProbe = { exec: { command: ['false'] } }
    await cluster.apply(
      service('whole', {}),
      service('each', { clusterIP: 'None', publishNotReadyAddresses: true }),
      service('ready', { clusterIP: 'None' }),
      withLabels(names, pod('never-ready', { command: idle, readinessProbe })),
      pod('asker', { command: idle }),
    )
    for (const name of ['never-ready', 'asker']) await phase(name, 'Running')
    const resolve = async (name: string) => {
      const program = 'import socket, sys; print(socket.gethostbyname(sys.argv[1]))'
      const inPod = ['exec', 'asker', '--namespace', namespace, '--', 'python3', '-c', program, name]
      return (await cluster.kubectl(...inPod).catch(() => '')).trim() || undefined
    }
    const address = await addressOf('never-ready')
    await waitFor('the endpoints', async () => (await resolve('each')) === address)
    assert.equal(await resolve(`each.${namespace}.svc`), address)
    const query = ['get', 'service', 'whole', '--namespace', namespace, '--output=jsonpath={.spec.clusterIP}']
    assert.equal(await resolve('whole'), (await cluster.kubectl(...query)).trim())
    assert.equal(await resolve('ready'), undefined)
    assert.equal(await resolve('nobody'), undefined)
  })

  test('writes down what a service account asks for, and what others do not', async () => {
    await cluster.kubectl('create', 'serviceaccount', 'asker', '--namespace', namespace)
    const as = `system:serviceaccount:${namespace}:asker`
    const token = (await cluster.kubectl('create', 'token', 'asker', '--namespace', namespace)).trim()
    // Of the administrator's certificate kubectl would rather make use than of a token.
    const asked = [
      '--kubeconfig=/dev/null',
      '--insecure-skip-tls-verify',
      `--server=${cluster.apiUrl}`,
      `--token=${token}`,
    ]
    await assert.rejects(cluster.kubectl('get', 'secrets', '--namespace', namespace, ...asked), /Forbidden/)
    const requests = await waitFor('the request to be written down', () => {
      const found = readAuditLog(cluster.auditLog, as).filter(({ resource }) => resource !== undefined)
      return found.length > 0 ? found : undefined
    })
    assert.deepEqual(
      requests.map(({ path: _, ...told }) => told),
      [{ verb: 'list', apiGroup: '', resource: 'secrets', namespace, status: 403 }],
    )
    assert.deepEqual(readAuditLog(cluster.auditLog, 'kubernetes-admin'), [])
  })

  test('has simulated nodes for as long as a test wants them', async () => {
    const nodes = await cluster.startSimulatedNodes(2, { prefix: 'test', labels: { pool: 'big' }, cpu: 64 })
    try {
      assert.deepEqual(nodes.names, ['test-0', 'test-1'])
      await cluster.apply(
        pod(
          'imagined',
          { resources: { requests: { cpu: '60' } } },
          {
            nodeSelector: { pool: 'big' },
            tolerations: [{ key: simulatedTaint.key, operator: 'Exists' }],
          },
        ),
      )
      await phase('imagined', 'Running')
      await cluster.kubectl('annotate', 'pod', 'imagined', '--namespace', namespace, 'atrium.dev/end=0')
      await phase('imagined', 'Failed')
    } finally {
      await nodes.remove()
    }
    const left = await cluster.kubectl('get', 'pod,node', '--namespace', namespace, '--output=name')
    assert.doesNotMatch(left, /imagined|test-\d/)
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

function buildPolicy(name: string, podSelector: object, from: readonly object[]) {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name, namespace },
    spec: { podSelector, policyTypes: ['Ingress'], ingress: [{ from }] },
  }
}
