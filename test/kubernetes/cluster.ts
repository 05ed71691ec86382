import { existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { waitFor } from '@atrium/server/platform/wait-for.ts'
import { listHierarchies, removeControlGroup } from '../support/cluster/control-groups.ts'
import type { Daemon } from '../support/cluster/daemon.ts'
import { acquireLock, handOverLock, releaseLock } from '../support/cluster/lock.ts'
import { type ProgramOptions, type ProgramResult, runProgram } from '../support/cluster/run-program.ts'
import { writeCertificates } from './certificates.ts'
import { containerdSocket, writeConfiguration } from './configuration.ts'
import { daemonNames, type KubernetesDaemon, kubectl, openDaemon } from './daemons.ts'
import { buildLayout, type KubernetesLayout } from './layout.ts'
import { bootNode, disconnectNode, findNode, keepSettings, restoreSettings, runInNode } from './node.ts'
import {
  ensureKubernetesPrograms,
  ensureSimulator,
  ensureVolumePrograms,
  type KubernetesPrograms,
  volumePrograms,
} from './program.ts'
import { addSimulatedNodes, type SimulatedNodeOptions, type SimulatedNodes } from './simulated-nodes.ts'

/** What a test needs to know of a running cluster; JSON, so that test files in other processes can read it. */
export interface KubernetesClusterDescription {
  name: string
  /** Everything of the cluster is in here; pods see it under the same path by hostPath. */
  dir: string
  /** As the administrator of all. */
  kubeconfig: string
  apiUrl: string
  /** This machine as pods reach it: a control plane under test listens here. */
  controlAddress: string
  node: { name: string; address: string }
  /** Of requests of service accounts: `readAuditLog` reads it. */
  auditLog: string
}

const provisioner = 'volumes.atrium.test'

/** The driver of `volume-driver/`: class `homes`, and `full`, whose volumes never come. */
const volumeResources = [
  {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'CSIDriver',
    metadata: { name: provisioner },
    spec: { attachRequired: false, fsGroupPolicy: 'File' },
  },
  ...Object.entries({ homes: {}, full: { parameters: { refuse: 'there is no room in the pool' } } }).map(
    ([name, more]) => ({
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: { name },
      ...{ provisioner, ...more, allowVolumeExpansion: true, reclaimPolicy: 'Delete' },
    }),
  ),
]

/** A running cluster of one node; the same from the process that started it and from any other that has its description. */
export interface KubernetesCluster extends KubernetesClusterDescription {
  daemon(name: KubernetesDaemon): Daemon
  /** kubectl as the administrator; rejects with what it complained about. */
  kubectl(...args: string[]): Promise<string>
  apply(...resources: readonly object[]): Promise<void>
  /** Runs a program on the node, as root. */
  run(command: readonly string[], options?: ProgramOptions): Promise<ProgramResult>
  /** Adds nodes that run nothing, for scale; the caller removes them. */
  startSimulatedNodes(count: number, options?: SimulatedNodeOptions): Promise<SimulatedNodes>
  /** Brings a storage class whose volumes are made on demand, have the size asked for, and grow. Safe to repeat. */
  startVolumes(): Promise<void>
  /** Ends everything and removes what it left. Safe to repeat. */
  stop(): Promise<void>
}

/** Starts a cluster and waits until its node is ready and has the images. What an earlier, killed run of the name left is removed first. */
export async function startKubernetesCluster({
  name = 'tests',
  say = console.error,
}: {
  name?: string
  say?: (line: string) => void
} = {}): Promise<KubernetesCluster> {
  const programs = await ensureKubernetesPrograms(say)
  const layout = buildLayout(name)
  await acquireLock(layout.lockFile, `the Kubernetes cluster '${name}'`, say)
  try {
    await removeRemains(layout)
    for (const folder of ['log', 'run', 'bin', 'images'])
      mkdirSync(join(layout.dir, folder), { recursive: true })
    linkPrograms(layout, programs)
    await keepSettings(layout)
    await Promise.all([writeCertificates(layout), makeImages(layout, programs.pause)])
    writeConfiguration(layout)
    await bootNode(layout)
    await startDaemons(layout)
    const { dir, kubeconfig, apiUrl, controlAddress, node, auditLog } = layout
    const description = { name, dir, kubeconfig, apiUrl, controlAddress, node, auditLog }
    writeFileSync(layout.descriptionFile, JSON.stringify(description, undefined, 2))
    return openKubernetesCluster(description)
  } catch (error) {
    if (process.env['ATRIUM_TEST_KUBERNETES_KEEP'] === undefined) await stop(layout)
    throw error
  }
}

/** A cluster that runs already. */
export function openKubernetesCluster(description: KubernetesClusterDescription): KubernetesCluster {
  const layout = buildLayout(description.name)
  const call = async (args: readonly string[], input?: string) => {
    const { code, stdout, stderr } = await kubectl(layout, args, input)
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: exit ${code}\n${stderr}${stdout}`)
    return stdout
  }
  return {
    ...description,
    daemon: (name) => openDaemon(layout, name),
    kubectl: (...args) => call(args),
    async apply(...resources) {
      const list = { apiVersion: 'v1', kind: 'List', items: resources }
      await call(['apply', '--server-side', '-f', '-'], JSON.stringify(list))
    },
    run: (command, options) => runInNode(layout, command, options),
    async startSimulatedNodes(count, options) {
      const link = join(layout.programs, 'kwok')
      if (!existsSync(link)) symlinkSync(await ensureSimulator(console.error), link)
      await openDaemon(layout, 'kwok').start()
      return await addSimulatedNodes(this, count, options)
    },
    async startVolumes() {
      for (const [name, file] of Object.entries(await ensureVolumePrograms(console.error))) {
        const link = join(layout.programs, name)
        if (!existsSync(link)) symlinkSync(file, link)
      }
      await this.apply(...volumeResources)
      for (const name of volumePrograms) await openDaemon(layout, name).start()
    },
    stop: () => stop(layout),
  }
}

/** Lets the cluster live on after this process: its node holds the lock then. */
export function detachKubernetesCluster(name: string): void {
  const layout = buildLayout(name)
  const pid = findNode(layout)
  if (pid === undefined) throw new Error(`the cluster ${name} does not run`)
  handOverLock(layout.lockFile, pid)
}

async function stop(layout: KubernetesLayout): Promise<void> {
  await removeRemains(layout)
  releaseLock(layout.lockFile)
}

function linkPrograms({ programs: folder }: KubernetesLayout, programs: KubernetesPrograms): void {
  const own = ['containerd', 'network-policies']
  for (const part of [...daemonNames, 'kubectl'].filter((part) => !own.includes(part)))
    symlinkSync(programs.kubernetes, join(folder, part))
  symlinkSync(programs.networkPolicies, join(folder, 'network-policies'))
}

async function makeImages(layout: KubernetesLayout, pause: string): Promise<void> {
  await runProgram('python3', [join(import.meta.dirname, 'images.py'), join(layout.dir, 'images'), pause])
}

async function startDaemons(layout: KubernetesLayout): Promise<void> {
  const start = (name: KubernetesDaemon) => openDaemon(layout, name).start()
  const withImages = start('containerd').then(() => importImages(layout))
  await start('etcd')
  await start('kube-apiserver')
  const others = ['kube-controller-manager', 'kube-scheduler', 'network-policies', 'dns'] as const
  await Promise.all([withImages, ...others.map(start)])
  await start('kubelet')
  // It waits for its node.
  await start('kube-proxy')
  await waitFor(
    'the node to be ready',
    async () => {
      const wanted = ['wait', '--for=condition=Ready', `node/${layout.node.name}`, '--timeout=5s']
      return (
        (await kubectl(layout, wanted)).code === 0 &&
        (await kubectl(layout, ['get', 'sa', 'default'])).code === 0
      )
    },
    { deadlineMs: 90_000 },
  )
}

async function importImages(layout: KubernetesLayout): Promise<void> {
  for (const name of ['pause', 'shell', 'python']) {
    const file = join(layout.dir, 'images', `${name}.tar`)
    const command = ['ctr', '--address', containerdSocket, '--namespace', 'k8s.io', 'images', 'import', file]
    const { code, stderr } = await runInNode(layout, command)
    if (code !== 0) throw new Error(`the image ${name} was not taken: ${stderr}`)
  }
}

/** Everything that a run made is in the cluster's control group, folder and network link, whoever made it and however it ended. */
async function removeRemains(layout: KubernetesLayout): Promise<void> {
  await removeControlGroup(layout.cgroup, listHierarchies())
  await disconnectNode(layout)
  await restoreSettings(layout)
  if (existsSync(layout.dir)) rmSync(layout.dir, { recursive: true, force: true })
}
