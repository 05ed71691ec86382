import { spawn } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, openSync, renameSync } from 'node:fs'
import { join } from 'node:path'

import { runProgram } from '../support/cluster/run-program.ts'
import type { KubernetesCluster } from './cluster.ts'
import { cacheRoot } from './program.ts'

/** As `karpenter/go.mod` has it: of the Kubernetes that the test cluster runs. */
const version = '1.8.0'
const buildMinutes = 30
const module = 'sigs.k8s.io/karpenter'
const crds = { 'pkg/apis/crds': 'core', 'kwok/apis/crds': 'kwok' }

/**
 * Karpenter itself, with its own provider whose machines are KWOK's simulated nodes; from its Go module: three minutes of two cores, once
 * a version. Answers the folder with the program and its kinds of resources.
 */
export async function ensureKarpenter(say: (line: string) => void): Promise<string> {
  const folder = join(cacheRoot(), `karpenter-${version}-with-crds`)
  if (existsSync(folder)) return folder
  say(`Building Karpenter ${version} from its Go module: some minutes, once`)
  const draft = `${folder}.${process.pid}`
  mkdirSync(draft, { recursive: true })
  const options = {
    cwd: join(import.meta.dirname, 'karpenter'),
    env: { ...process.env, CGO_ENABLED: '0' } as Record<string, string>,
    timeoutMs: buildMinutes * 60_000,
  }
  const output = join(draft, 'karpenter')
  await runProgram('go', ['build', '-trimpath', '-ldflags=-s -w', '-o', output, `${module}/kwok`], options)
  const source = (await runProgram('go', ['list', '-m', '-f', '{{.Dir}}', module], options)).trim()
  for (const [from, to] of Object.entries(crds))
    cpSync(join(source, from), join(draft, 'crds', to), { recursive: true })
  renameSync(draft, folder)
  return folder
}

/** Runs it for a cluster; resolves once its kinds of resources are there. */
export async function startKarpenter(cluster: KubernetesCluster): Promise<{ stop(): Promise<void> }> {
  const folder = await ensureKarpenter(console.error)
  await cluster.kubectl('apply', '--server-side', '--filename', join(folder, 'crds'), '--recursive')
  await cluster.kubectl(
    ...['wait', '--for=condition=Established', '--timeout=60s'],
    ...['crd/nodepools.karpenter.sh', 'crd/nodeclaims.karpenter.sh', 'crd/kwoknodeclasses.karpenter.kwok.sh'],
  )
  const log = openSync(join(cluster.dir, 'log', 'karpenter.log'), 'a')
  const karpenter = spawn(join(folder, 'karpenter'), {
    stdio: ['ignore', log, log],
    env: {
      KUBECONFIG: cluster.kubeconfig,
      SYSTEM_NAMESPACE: 'kube-system',
      DISABLE_LEADER_ELECTION: 'true',
      // Ports that nobody asks.
      METRICS_PORT: '0',
      HEALTH_PROBE_PORT: '0',
    },
  })
  const ended = new Promise<void>((resolve) => karpenter.once('exit', () => resolve()))
  return {
    async stop() {
      karpenter.kill('SIGKILL')
      await ended
    },
  }
}
