/**
 * `node test/kubernetes/command.ts up|down|status [--name NAME]`: a Kubernetes cluster of one node, to develop against. `prepare`: builds
 * what tests would otherwise build when they need it.
 */
import { existsSync, readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'

import { findLockHolder } from '../support/cluster/lock.ts'
import { detachKubernetesCluster, openKubernetesCluster, startKubernetesCluster } from './cluster.ts'
import { ensureHelm } from './helm.ts'
import { ensureKarpenter } from './karpenter.ts'
import { buildLayout } from './layout.ts'
import { findNode } from './node.ts'
import { ensurePlatformImage } from './platform-images.ts'
import { ensureKubernetesPrograms, ensureSimulator, ensureVolumePrograms } from './program.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { name: { type: 'string', default: 'tests' } },
})
const layout = buildLayout(values.name)

switch (positionals[0]) {
  case 'up':
    await up()
    break
  case 'down':
    await down()
    break
  case 'status':
    status()
    break
  case 'prepare':
    await prepare()
    break
  default:
    console.error('node test/kubernetes/command.ts up|down|status [--name NAME]')
    process.exitCode = 2
}

async function up(): Promise<void> {
  if (findLockHolder(layout.lockFile) === undefined || !existsSync(layout.descriptionFile)) {
    await startKubernetesCluster({ name: layout.name })
    detachKubernetesCluster(layout.name)
  }
  status()
}

async function down(): Promise<void> {
  const holder = findLockHolder(layout.lockFile)
  if (holder !== undefined && holder !== findNode(layout)) {
    console.error(`Process ${holder} uses it, a test run most likely: end that first.`)
    process.exitCode = 1
    return
  }
  if (existsSync(layout.descriptionFile))
    await openKubernetesCluster(JSON.parse(readFileSync(layout.descriptionFile, 'utf8'))).stop()
  console.log('The cluster is gone.')
}

/** One after the other: a build takes all cores by itself. */
async function prepare(): Promise<void> {
  await ensureKubernetesPrograms(console.error)
  await ensureSimulator(console.error)
  await ensureHelm(console.error)
  await ensureKarpenter(console.error)
  await ensureVolumePrograms(console.error)
  for (const image of ['platform', 'notebook'] as const) await ensurePlatformImage(image)
}

function status(): void {
  if (!existsSync(layout.descriptionFile)) {
    console.log('No cluster runs. Start one: node test/kubernetes/command.ts up')
    return
  }
  console.log(`  export KUBECONFIG=${layout.kubeconfig} PATH=${layout.programs}:$PATH
  export ATRIUM_TEST_KUBERNETES=${layout.descriptionFile}

Logs: ${layout.dir}/log`)
}
