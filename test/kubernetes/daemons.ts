import { Resolver } from 'node:dns/promises'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isMember } from '../support/cluster/control-groups.ts'
import { createDaemon, type Daemon, launchDetached } from '../support/cluster/daemon.ts'
import { tryProgram } from '../support/cluster/run-program.ts'
import { kubeconfigOf } from './certificates.ts'
import { configOf, containerdSocket } from './configuration.ts'
import type { KubernetesLayout } from './layout.ts'
import { buildPolicyCommand } from './network-policies.ts'
import { enterNode, runInNode } from './node.ts'
import type { volumePrograms } from './program.ts'
import { simulatedAnnotation } from './simulated-nodes.ts'

/** In the order of their start. */
export const daemonNames = [
  'etcd',
  'containerd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kubelet',
  'kube-proxy',
  'network-policies',
  'dns',
] as const
/** With those that only some tests want. */
export type KubernetesDaemon = (typeof daemonNames)[number] | 'kwok' | (typeof volumePrograms)[number]

interface Recipe {
  command: readonly string[]
  isReady(): Promise<boolean>
}

/** Clients of the API server are not slowed down by themselves: tests start hundreds of pods. */
const fast = ['--kube-api-qps=300', '--kube-api-burst=600']

/** One of the cluster's programs, in the node's namespaces. */
export function openDaemon(layout: KubernetesLayout, name: KubernetesDaemon): Daemon {
  const pidFile = join(layout.dir, 'run', `${name}.pid`)
  const { command, isReady } = recipes[name](layout)
  const findPid = () => {
    if (!existsSync(pidFile)) return undefined
    // What was launched is nsenter, which waits for what it started among the node's processes.
    const outer = Number(readFileSync(pidFile, 'utf8'))
    return isMember(layout.cgroup, outer) ? findChild(outer) : undefined
  }
  return createDaemon({
    name,
    findPid,
    launch: () => {
      launchDetached(enterNode(layout, command), {
        group: `${layout.cgroup}/system`,
        pidFile,
        logFile: join(layout.dir, 'log', `${name}.log`),
        env: { PATH: `${layout.programs}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin` },
      })
    },
    isReady: async () => {
      if (!existsSync(`/proc/${readFileSync(pidFile, 'utf8')}`))
        throw new Error(describeEarlyEnd(layout, name))
      return await isReady()
    },
  })
}

const recipes: Readonly<Record<KubernetesDaemon, (layout: KubernetesLayout) => Recipe>> = {
  etcd: (layout) => ({
    command: [
      ...['etcd', '--name=test', `--data-dir=${layout.dir}/etcd`, '--log-level=warn', '--unsafe-no-fsync'],
      ...['--listen-client-urls=http://127.0.0.1:2379', '--advertise-client-urls=http://127.0.0.1:2379'],
      ...['--listen-peer-urls=http://127.0.0.1:2380', '--initial-advertise-peer-urls=http://127.0.0.1:2380'],
      '--initial-cluster=test=http://127.0.0.1:2380',
    ],
    isReady: () => answers(layout, 'http://127.0.0.1:2379/health'),
  }),
  containerd: (layout) => ({
    command: ['containerd', '--config', configOf(layout, 'containerd.toml')],
    isReady: async () =>
      (await runInNode(layout, ['ctr', '--address', containerdSocket, 'version'])).code === 0,
  }),
  'kube-apiserver': (layout) => ({
    command: ['kube-apiserver', ...buildApiServerFlags(layout)],
    isReady: async () => (await kubectl(layout, ['get', '--raw', '/readyz'])).code === 0,
  }),
  'kube-controller-manager': (layout) => ({
    command: ['kube-controller-manager', ...buildControllerFlags(layout)],
    isReady: () => answers(layout, 'https://127.0.0.1:10257/healthz'),
  }),
  'kube-scheduler': (layout) => ({
    command: [
      ...['kube-scheduler', ...fast, '--leader-elect=false', '--bind-address=127.0.0.1'],
      ...asPerson(layout, 'scheduler'),
    ],
    isReady: () => answers(layout, 'https://127.0.0.1:10259/healthz'),
  }),
  kubelet: (layout) => ({
    command: [
      ...['kubelet', `--config=${configOf(layout, 'kubelet.json')}`, `--root-dir=${layout.dir}/kubelet`],
      ...[`--kubeconfig=${kubeconfigOf(layout, 'kubelet')}`, `--node-ip=${layout.node.address}`],
      `--hostname-override=${layout.node.name}`,
    ],
    isReady: () => answers(layout, 'http://127.0.0.1:10248/healthz'),
  }),
  'kube-proxy': (layout) => ({
    command: ['kube-proxy', `--config=${configOf(layout, 'proxy.json')}`],
    isReady: () => answers(layout, 'http://127.0.0.1:10249/healthz'),
  }),
  'network-policies': (layout) => ({
    command: buildPolicyCommand(layout),
    isReady: () => answers(layout, 'http://127.0.0.1:9080/healthz'),
  }),
  dns: ({ certificates, node }) => ({
    command: [
      ...[process.execPath, join(import.meta.dirname, 'cluster-dns.ts')],
      ...[certificates, node.address],
    ],
    isReady: () => resolves(node.address, 'kubernetes.default.svc.cluster.local'),
  }),
  kwok: (layout) => ({
    command: [
      ...['kwok', `--config=${configOf(layout, 'simulator.yaml')}`, '--node-lease-duration-seconds=40'],
      ...[`--kubeconfig=${kubeconfigOf(layout, 'simulator')}`, '--manage-all-nodes=false'],
      `--manage-nodes-with-annotation-selector=${simulatedAnnotation}=fake`,
      // Nobody answers there, nor has a route there.
      ...['--cidr=198.18.0.1/15', `--node-ip=${layout.node.address}`, '--server-address=127.0.0.1:10247'],
    ],
    isReady: () => answers(layout, 'http://127.0.0.1:10247/healthz'),
  }),
  'volume-driver': (layout) => ({
    command: ['volume-driver', `${layout.dir}/volumes`, `${layout.dir}/kubelet`, layout.node.name],
    isReady: async () => existsSync(volumeSocketOf(layout)),
  }),
  'csi-provisioner': (layout) => ({
    command: ['csi-provisioner', ...buildVolumeFlags(layout), '--http-endpoint=127.0.0.1:10261'],
    isReady: () => answers(layout, 'http://127.0.0.1:10261/metrics'),
  }),
  'csi-resizer': (layout) => ({
    command: ['csi-resizer', ...buildVolumeFlags(layout), '--http-endpoint=127.0.0.1:10262'],
    isReady: () => answers(layout, 'http://127.0.0.1:10262/metrics'),
  }),
}

const volumeSocketOf = (layout: KubernetesLayout) => `${layout.dir}/volumes/csi.sock`

function buildVolumeFlags(layout: KubernetesLayout): string[] {
  return [`--kubeconfig=${layout.kubeconfig}`, `--csi-address=${volumeSocketOf(layout)}`]
}

function buildApiServerFlags(layout: KubernetesLayout): string[] {
  const { certificates: pki, node, serviceSubnet } = layout
  return [
    ...[
      '--etcd-servers=http://127.0.0.1:2379',
      `--advertise-address=${node.address}`,
      '--bind-address=0.0.0.0',
    ],
    ...[
      '--authorization-mode=Node,RBAC',
      '--enable-admission-plugins=NodeRestriction',
      '--allow-privileged=true',
    ],
    ...[`--client-ca-file=${pki}/ca.crt`, `--tls-cert-file=${pki}/apiserver.crt`],
    ...[`--tls-private-key-file=${pki}/apiserver.key`, `--kubelet-certificate-authority=${pki}/ca.crt`],
    `--kubelet-client-certificate=${pki}/apiserver-kubelet-client.crt`,
    `--kubelet-client-key=${pki}/apiserver-kubelet-client.key`,
    '--kubelet-preferred-address-types=InternalIP',
    '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
    ...[`--service-account-key-file=${pki}/sa.pub`, `--service-account-signing-key-file=${pki}/sa.key`],
    ...[`--service-cluster-ip-range=${serviceSubnet}`, '--service-node-port-range=30000-32767'],
    ...[
      `--requestheader-client-ca-file=${pki}/front-proxy-ca.crt`,
      '--requestheader-allowed-names=front-proxy-client',
    ],
    ...[
      `--proxy-client-cert-file=${pki}/front-proxy-client.crt`,
      `--proxy-client-key-file=${pki}/front-proxy-client.key`,
    ],
    ...['--requestheader-username-headers=X-Remote-User', '--requestheader-group-headers=X-Remote-Group'],
    '--requestheader-extra-headers-prefix=X-Remote-Extra-',
    `--audit-policy-file=${configOf(layout, 'audit.json')}`,
    ...[`--audit-log-path=${layout.auditLog}`, '--audit-log-mode=blocking'],
  ]
}

function buildControllerFlags(layout: KubernetesLayout): string[] {
  const { certificates: pki } = layout
  return [
    ...asPerson(layout, 'controller-manager'),
    ...[
      '--use-service-account-credentials=true',
      '--leader-elect=false',
      '--bind-address=127.0.0.1',
      ...fast,
    ],
    ...[`--root-ca-file=${pki}/ca.crt`, `--service-account-private-key-file=${pki}/sa.key`],
    ...[`--cluster-signing-cert-file=${pki}/ca.crt`, `--cluster-signing-key-file=${pki}/ca.key`],
    ...[`--client-ca-file=${pki}/ca.crt`, `--requestheader-client-ca-file=${pki}/front-proxy-ca.crt`],
    // A lost node's pods are given up in seconds, not in minutes: tests wait for it.
    ...['--node-monitor-period=1s', '--node-monitor-grace-period=10s'],
  ]
}

function asPerson(layout: KubernetesLayout, person: 'controller-manager' | 'scheduler'): string[] {
  const file = kubeconfigOf(layout, person)
  return [`--kubeconfig=${file}`, `--authentication-kubeconfig=${file}`, `--authorization-kubeconfig=${file}`]
}

/** Runs kubectl as the cluster's administrator. */
export function kubectl(layout: KubernetesLayout, args: readonly string[], input?: string) {
  return tryProgram(join(layout.programs, 'kubectl'), ['--kubeconfig', layout.kubeconfig, ...args], {
    ...(input === undefined ? {} : { input }),
    env: { HOME: layout.dir },
  })
}

async function answers(layout: KubernetesLayout, url: string): Promise<boolean> {
  return (await runInNode(layout, ['curl', '-sfk', '--max-time', '5', '-o', '/dev/null', url])).code === 0
}

/** True when the DNS server at this address knows the name. */
async function resolves(server: string, name: string): Promise<boolean> {
  const resolver = new Resolver({ timeout: 1000, tries: 1 })
  resolver.setServers([server])
  const found = await resolver.resolve4(name).catch(() => [])
  return found.length > 0
}

function findChild(pid: number): number | undefined {
  try {
    const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')
    return child === undefined || child === '' ? undefined : Number(child)
  } catch {
    return undefined
  }
}

function describeEarlyEnd({ dir }: KubernetesLayout, name: string): string {
  const log = readFileSync(join(dir, 'log', `${name}.log`), 'utf8')
    .split('\n')
    .slice(-15)
    .join('\n')
  return `${name} ended while starting:\n${log}`
}
