import { createHash } from 'node:crypto'
import { chownSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { waitFor } from '@atrium/server/platform/wait-for.ts'

import type { ProgramResult } from '../support/cluster/run-program.ts'
import { tryProgram } from '../support/cluster/run-program.ts'
import type { Platform } from '../support/platform.ts'
import type { KubernetesCluster } from './cluster.ts'
import { ensureHelm } from './helm.ts'
import { importPlatformImage, notebookImage, platformImage } from './platform-images.ts'

export const chartFolder = join(import.meta.dirname, '..', '..', 'deploy', 'kubernetes', 'chart')

/** Of the platform within its image. */
const platformUid = 10_001
const minutes = 60_000
const nodePorts = { first: 30_100, count: 2000 }

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
  /** Homes and groups' folders, as this machine sees them. */
  storage: string
  /** Where the edge's Service is reached from this machine: a port of the node. */
  url: string
  /** JSON by the public door, as the local administrator of the control plane's pod. */
  api: Platform['api']
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
  const port = choosePort(name)
  const url = `http://${cluster.node.address}:${port}`
  const own = writeValues(folder, 'own', buildSiteValues({ name, folder, url, port }))
  const run = (...command: string[]) =>
    cluster.kubectl(
      ...['exec', '--namespace', namespace, `deployment/${name}-control-plane`],
      ...['--container', 'control-plane', '--', ...command],
    )
  let token: Promise<string> | undefined
  const readToken = () => {
    token ??= run('cat', '/var/lib/atrium/keys/cli-token')
    return token
  }
  return {
    ...{ cluster, release: name, namespace, jobsNamespace, tryHelm, helm },
    async deploy(values = {}) {
      const said = await helm(
        ...['upgrade', '--install', name, chartFolder, '--create-namespace', '--wait', '--timeout', '5m'],
        ...['--values', own, '--values', writeValues(folder, 'more', values)],
      )
      // The node learns of a new port a moment after its pods are ready.
      const reached = () =>
        fetch(url).then(
          () => true,
          () => false,
        )
      await waitFor('the edge to be reached', reached, { deadlineMs: 60_000 })
      return said
    },
    url,
    storage: join(folder, 'storage'),
    api: async (method, path, options) =>
      callApi(url, { method, path, token: await readToken(), ...options }),
    atrium: (...args) => run('atrium', ...args),
    async dispose() {
      await tryHelm('uninstall', name, '--wait')
      for (const space of [jobsNamespace, namespace])
        await cluster.kubectl('delete', 'namespace', space, '--ignore-not-found', '--timeout=120s')
      const volumes = ['jobs', 'platform'].map((side) => `${name}-${namespace}-${side}`)
      await cluster.kubectl('delete', 'pv', '--ignore-not-found', '--wait=false', ...volumes, `${name}-data`)
      rmSync(folder, { recursive: true, force: true })
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
function buildSiteValues({
  name,
  folder,
  url,
  port,
}: {
  name: string
  folder: string
  url: string
  port: number
}): object {
  return {
    fullnameOverride: name,
    image: { ...splitReference(platformImage), pullPolicy: 'Never' },
    notebookImage: { ...splitReference(notebookImage), pullPolicy: 'Never' },
    storage: { hostPath: { path: join(folder, 'storage') }, size: '5Gi' },
    edge: { drainSeconds: 60, service: { type: 'NodePort', nodePort: port } },
    config: {
      edge: { publicUrl: url },
      profiles: [{ name: 'small', cpu: 0.5, memory: '1G', default: true }],
    },
  }
}

/** A node port, the same for the same name. */
function choosePort(name: string): number {
  const [first = 0, second = 0] = createHash('sha256').update(name).digest()
  return nodePorts.first + ((first * 256 + second) % nodePorts.count)
}

async function callApi<T>(
  url: string,
  { method, path, token, body }: { method: string; path: string; token: string; body?: unknown },
): Promise<{ status: number; body: T }> {
  const response = await fetch(new URL(path, url), {
    method,
    headers: {
      authorization: `Bearer ${token.trim()}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  return { status: response.status, body: (text === '' ? undefined : JSON.parse(text)) as T }
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
