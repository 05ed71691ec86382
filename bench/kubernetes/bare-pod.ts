import { setTimeout as sleep } from 'node:timers/promises'

import type { KubernetesCluster } from '../../test/kubernetes/cluster.ts'
import { untilQuiet } from '../processes.ts'
import { benchImage, installServer, makeAccount, quietShare } from './cluster-under-test.ts'

const namespace = 'bench-bare'
const name = 'bare'
const port = 8000

/**
 * From `kubectl apply` of one pod with the trivial server to its first answer, ms: what Kubernetes and the server take by themselves. The
 * pod is as ours: the same image, limits and user.
 */
export async function measureBarePod(cluster: KubernetesCluster): Promise<number> {
  await makeAccount(cluster, namespace)
  await untilQuiet(quietShare)
  const started = performance.now()
  await cluster.apply(buildPod(cluster))
  const at = ['--namespace', namespace, `pod/${name}`]
  await cluster.kubectl('wait', '--for=jsonpath={.status.podIP}', '--timeout=60s', ...at)
  const address = await cluster.kubectl('get', ...at, '--output=jsonpath={.status.podIP}')
  while (!(await answers(`http://${address}:${port}/`))) await sleep(5)
  const elapsedMs = performance.now() - started
  await cluster.kubectl('delete', '--grace-period=0', '--force', ...at)
  return elapsedMs
}

function buildPod(cluster: KubernetesCluster): object {
  const { folder, mountPath, command } = installServer(cluster)
  const amounts = { memory: '300M' }
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace },
    spec: {
      restartPolicy: 'Never',
      automountServiceAccountToken: false,
      securityContext: { runAsUser: 2001, runAsGroup: 2001, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          name: 'job',
          image: benchImage,
          imagePullPolicy: 'Never',
          command,
          env: [{ name: 'JUPYTERHUB_SERVICE_URL', value: `http://0.0.0.0:${port}` }],
          resources: { requests: amounts, limits: amounts },
          volumeMounts: [{ name: 'bench', mountPath, readOnly: true }],
        },
      ],
      volumes: [{ name: 'bench', hostPath: { path: folder } }],
    },
  }
}

async function answers(url: string): Promise<boolean> {
  return fetch(url, { signal: AbortSignal.timeout(1000) }).then(
    (response) => response.ok,
    () => false,
  )
}
