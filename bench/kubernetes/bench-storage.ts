import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'

import type { KubernetesCluster } from '../../test/kubernetes/cluster.ts'
import { installServer } from './cluster-under-test.ts'

/** Folders of the storage. */
export const storageFolders = { homes: 'homes', environment: 'environment', bench: 'bench' } as const

/** What a hub's servers have in common, as in a small real installation: homes, environment and programs on one claim. */
export interface BenchStorage {
  claim: string
  /** The claim's storage on this machine. */
  folder: string
  remove(): void
}

/** Makes the claim in the hub's namespace, on a folder of the machine. `environment`: a Python environment, of the same file system. */
export async function makeStorage(
  cluster: KubernetesCluster,
  { namespace, environment }: { namespace: string; environment: string },
): Promise<BenchStorage> {
  const folder = mkdtempSync(join(cluster.dir, 'storage-'))
  chmodSync(folder, 0o755)
  mkdirSync(join(folder, storageFolders.homes), { mode: 0o755 })
  // The same files under another name: nobody writes to them.
  execFileSync('cp', ['--archive', '--link', environment, join(folder, storageFolders.environment)])
  execFileSync('cp', ['--archive', installServer(cluster).folder, join(folder, storageFolders.bench)])
  const claim = basename(folder).toLowerCase()
  await makeClaim(cluster, { namespace, claim, folder })
  return { claim, folder, remove: () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }) }
}

async function makeClaim(
  cluster: KubernetesCluster,
  { namespace, claim, folder }: { namespace: string; claim: string; folder: string },
): Promise<void> {
  const common = { accessModes: ['ReadWriteMany'], storageClassName: '' }
  const storage = '10Gi'
  await cluster.apply(
    {
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name: claim },
      spec: {
        ...common,
        capacity: { storage },
        hostPath: { path: folder },
        persistentVolumeReclaimPolicy: 'Retain',
        claimRef: { namespace, name: claim },
      },
    },
    {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: claim, namespace },
      spec: { ...common, volumeName: claim, resources: { requests: { storage } } },
    },
  )
}
