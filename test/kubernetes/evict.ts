import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import type { KubernetesCluster } from './cluster.ts'

/** Asks a pod off its node by the API that drains and autoscalers use. */
export async function evictPod(cluster: KubernetesCluster, namespace: string, name: string): Promise<void> {
  const file = join(cluster.dir, `eviction-${name}.json`)
  const metadata = { name, namespace }
  writeFileSync(file, JSON.stringify({ apiVersion: 'policy/v1', kind: 'Eviction', metadata }))
  await cluster.kubectl(
    ...['create', '--raw', `/api/v1/namespaces/${namespace}/pods/${name}/eviction`],
    ...['--filename', file],
  )
  rmSync(file)
}
