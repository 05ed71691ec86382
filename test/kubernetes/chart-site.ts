import { chownSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import type { ProgramResult } from '../support/cluster/run-program.ts'
import { tryProgram } from '../support/cluster/run-program.ts'
import type { KubernetesCluster } from './cluster.ts'
import { ensureHelm } from './helm.ts'
import { importPlatformImage, notebookImage, platformImage } from './platform-images.ts'

export const chartFolder = join(import.meta.dirname, '..', '..', 'deploy', 'kubernetes', 'chart')

/** Of the platform within its image. */
const platformUid = 10_001
const minutes = 60_000

/** The chart on a cluster, under a name and in a namespace of its own. */
export interface ChartSite {
  cluster: KubernetesCluster
  release: string
  /** Of the platform; users' pods are in `jobsNamespace`. */
  namespace: string
  jobsNamespace: string
  /** Runs helm; whatever comes of it. */
  tryHelm(...args: string[]): Promise<ProgramResult>
  /** Runs helm; throws with what it complained about. */
  helm(...args: string[]): Promise<string>
  /** Installs or upgrades with these values over the site's own, and waits until all pods are ready. */
  deploy(values?: object): Promise<string>
  /** Where the edge's Service is reached from this machine. */
  edgeUrl(): Promise<string>
  /** `atrium …` in a control plane's pod. */
  atrium(...args: string[]): Promise<string>
  /** Release, both namespaces and the volumes are gone afterwards. */
  dispose(): Promise<void>
}

/** Brings images and helm; installs nothing yet. `name`: unique among those that run at the same time. */
export async function createChartSite(cluster: KubernetesCluster, name: string): Promise<ChartSite> {
  const program = await ensureHelm(console.error)
  for (const image of ['platform', 'notebook'] as const) await importPlatformImage(cluster, image)
  const [namespace, jobsNamespace] = [name, `${name}-jobs`]
  const folder = join(cluster.dir, 'chart', name)
  await makeFolders(cluster, { name, namespace, folder })
  const tryHelm = (...args: string[]) =>
    tryProgram(program, [...args, '--kubeconfig', cluster.kubeconfig, '--namespace', namespace], {
      env: { HOME: folder },
      timeoutMs: 10 * minutes,
    })
  const helm = async (...args: string[]) => {
    const { code, stdout, stderr } = await tryHelm(...args)
    if (code !== 0) throw new Error(`helm ${args.join(' ')}: exit ${code}\n${stderr}${stdout}`)
    return stdout
  }
  const own = writeValues(folder, 'own', buildSiteValues(name, folder))
  return {
    ...{ cluster, release: name, namespace, jobsNamespace, tryHelm, helm },
    deploy: (values = {}) =>
      helm(
        ...['upgrade', '--install', name, chartFolder, '--create-namespace', '--wait', '--timeout', '5m'],
        ...['--values', own, '--values', writeValues(folder, 'more', values)],
      ),
    async edgeUrl() {
      const query = ['get', 'service', `${name}-edge`, '--namespace', namespace]
      const address = await cluster.kubectl(...query, '--output=jsonpath={.spec.clusterIP}')
      return `http://${address.trim()}:8000`
    },
    atrium: (...args) =>
      cluster.kubectl(
        'exec',
        '--namespace',
        namespace,
        `deployment/${name}-control-plane`,
        '--',
        'atrium',
        ...args,
      ),
    async dispose() {
      await tryHelm('uninstall', name, '--wait')
      for (const space of [jobsNamespace, namespace])
        await cluster.kubectl('delete', 'namespace', space, '--ignore-not-found', '--timeout=120s')
      const volumes = ['jobs', 'platform'].map((side) => `${name}-${namespace}-${side}`)
      await cluster.kubectl('delete', 'pv', '--ignore-not-found', '--wait=false', ...volumes, `${name}-data`)
    },
  }
}

/** The cluster makes no volumes by itself: one for the database is there before the chart asks. */
async function makeFolders(
  cluster: KubernetesCluster,
  { name, namespace, folder }: { name: string; namespace: string; folder: string },
): Promise<void> {
  const data = join(folder, 'data')
  for (const path of [data, join(folder, 'storage')]) mkdirSync(path, { recursive: true, mode: 0o755 })
  chownSync(data, platformUid, platformUid)
  await cluster.apply({
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: `${name}-data` },
    spec: {
      accessModes: ['ReadWriteOnce'],
      capacity: { storage: '5Gi' },
      persistentVolumeReclaimPolicy: 'Retain',
      claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name: `${name}-data` },
      hostPath: { path: data },
    },
  })
}

/** What an administrator of this cluster would write. */
function buildSiteValues(name: string, folder: string): object {
  return {
    fullnameOverride: name,
    image: { ...splitReference(platformImage), pullPolicy: 'Never' },
    notebookImage: { ...splitReference(notebookImage), pullPolicy: 'Never' },
    storage: { hostPath: { path: join(folder, 'storage') }, size: '5Gi' },
    edge: { drainSeconds: 60 },
    config: { profiles: [{ name: 'small', cpu: 1, memory: '1G', default: true }] },
  }
}

function splitReference(reference: string): { repository: string; tag: string } {
  const [repository = '', tag = ''] = reference.split(':')
  return { repository, tag }
}

function writeValues(folder: string, name: string, values: object): string {
  const file = join(folder, `values-${name}.json`)
  writeFileSync(file, JSON.stringify(values))
  return file
}
