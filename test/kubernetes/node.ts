import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { waitFor } from '@atrium/server/platform/wait-for.ts'
import { ensureControlGroup, isMember, listHierarchies } from '../support/cluster/control-groups.ts'
import { launchDetached } from '../support/cluster/daemon.ts'
import {
  type ProgramOptions,
  type ProgramResult,
  runProgram,
  tryProgram,
} from '../support/cluster/run-program.ts'
import type { KubernetesLayout } from './layout.ts'

/** Process 1 of the node: a place of its own for what nodes write into, and then it buries the dead. */
const initScript = `set -e
hostname "$1"; logs=$2
mount --make-rshared /
mount -t tmpfs -o mode=755 none /run; mkdir -p /run/lock
mount --bind "$logs" /var/log
: >/run/.booted
while :; do sleep 3600 & wait $!; done`

const pidFileOf = (layout: KubernetesLayout) => join(layout.dir, 'run', 'node.pid')
const ownGroupOf = (layout: KubernetesLayout) => `${layout.cgroup}/system`

/** Namespaces of the node: network, processes, mounts and name; control groups and disk are the machine's. */
export async function bootNode(layout: KubernetesLayout): Promise<void> {
  const logs = join(layout.dir, 'node-log')
  for (const folder of ['pods', 'containers']) mkdirSync(join(logs, folder), { recursive: true })
  const group = ownGroupOf(layout)
  ensureControlGroup(group, listHierarchies())
  const enterAll = listHierarchies().map((h) => `echo $$ >/sys/fs/cgroup/${h}/${group}/cgroup.procs`)
  const pid = launchDetached(
    [
      ...['sh', '-c', `${enterAll.join('; ')}; exec "$@"`, 'sh'],
      ...['unshare', '--net', '--uts', '--ipc', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'],
      ...['sh', '-c', initScript, 'init', layout.node.name, logs],
    ],
    { group, pidFile: pidFileOf(layout), logFile: join(layout.dir, 'log', 'node.out') },
  )
  await waitFor('the node to boot', () => {
    if (!existsSync(`/proc/${pid}`))
      throw new Error(readFileSync(join(layout.dir, 'log', 'node.out'), 'utf8'))
    return existsSync(`/proc/${pid}/root/run/.booted`)
  })
  await connectNode(layout, pid)
}

/** The outer process of the node's namespaces; undefined while it is off. */
export function findNode(layout: KubernetesLayout): number | undefined {
  if (!existsSync(pidFileOf(layout))) return undefined
  const pid = Number(readFileSync(pidFileOf(layout), 'utf8'))
  return isMember(layout.cgroup, pid) ? pid : undefined
}

/** argv of a program within the node. */
export function enterNode(layout: KubernetesLayout, command: readonly string[]): string[] {
  const pid = findNode(layout)
  if (pid === undefined) throw new Error('the node is off')
  const ns = `/proc/${pid}/ns`
  return [
    ...['nsenter', `--net=${ns}/net`, `--uts=${ns}/uts`, `--ipc=${ns}/ipc`, `--mount=${ns}/mnt`],
    ...[`--pid=${ns}/pid_for_children`, ...command],
  ]
}

/** Runs a program within the node, as root. */
export async function runInNode(
  layout: KubernetesLayout,
  command: readonly string[],
  options: ProgramOptions = {},
): Promise<ProgramResult> {
  const [program = '', ...args] = enterNode(layout, command)
  return await tryProgram(program, args, options)
}

async function connectNode(layout: KubernetesLayout, pid: number): Promise<void> {
  const { link, controlAddress, node, podSubnet, serviceSubnet } = layout
  await disconnectNode(layout)
  await runProgram('ip', ['link', 'add', link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(pid)])
  await runProgram('ip', ['address', 'add', `${controlAddress}/30`, 'dev', link])
  await runProgram('ip', ['link', 'set', link, 'up'])
  for (const subnet of [podSubnet, serviceSubnet])
    await runProgram('ip', ['route', 'add', subnet, 'via', node.address])
  const inside = (...args: string[]) => runProgram('nsenter', [`--net=/proc/${pid}/ns/net`, ...args])
  await inside('ip', 'link', 'set', 'lo', 'up')
  await inside('ip', 'address', 'add', `${node.address}/30`, 'dev', 'eth0')
  await inside('ip', 'link', 'set', 'eth0', 'up')
  await inside('ip', 'route', 'add', 'default', 'via', controlAddress)
  await inside('sysctl', '-qw', 'net.ipv4.ip_forward=1')
  // Who calls a pod that is gone hears so, and the packet does not go round between the node and the machine.
  await inside('ip', 'route', 'add', 'unreachable', podSubnet)
}

/** The routes go with the link. Safe to repeat. */
export async function disconnectNode(layout: KubernetesLayout): Promise<void> {
  await tryProgram('ip', ['link', 'delete', layout.link])
}

/** What the kubelet changes of the machine's settings, which are everybody's. */
const changedSettings = ['vm.overcommit_memory', 'vm.panic_on_oom', 'kernel.panic', 'kernel.panic_on_oops']
const settingsFileOf = (layout: KubernetesLayout) => `/var/tmp/atrium-kubernetes-${layout.name}.settings`

export async function keepSettings(layout: KubernetesLayout): Promise<void> {
  const { stdout } = await tryProgram('sysctl', changedSettings)
  writeFileSync(settingsFileOf(layout), stdout)
}

export async function restoreSettings(layout: KubernetesLayout): Promise<void> {
  if (existsSync(settingsFileOf(layout))) await tryProgram('sysctl', ['-q', '-p', settingsFileOf(layout)])
}
