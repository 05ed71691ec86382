import { runProgram, tryProgram } from '../support/cluster/run-program.ts'
import type { SlurmHostDescription, SlurmLayout } from './layout.ts'

/** The bridge that joins the hosts, with the control address on it. Safe to repeat. */
export async function ensureBridge(layout: SlurmLayout): Promise<void> {
  if ((await tryProgram('ip', ['link', 'show', layout.bridge])).code === 0) return
  await runProgram('ip', ['link', 'add', layout.bridge, 'type', 'bridge'])
  await runProgram('ip', ['address', 'add', `${layout.controlAddress}/24`, 'dev', layout.bridge])
  await runProgram('ip', ['link', 'set', layout.bridge, 'up'])
}

/** Plugs the host whose namespaces the process `pid` has into the bridge, under its address. */
export async function connectHost(
  layout: SlurmLayout,
  host: SlurmHostDescription,
  pid: number,
): Promise<void> {
  const plug = plugOf(layout, host)
  await tryProgram('ip', ['link', 'delete', plug])
  await runProgram('ip', [
    ...['link', 'add', plug, 'type', 'veth'],
    ...['peer', 'name', 'eth0', 'netns', String(pid)],
  ])
  await runProgram('ip', ['link', 'set', plug, 'master', layout.bridge, 'up'])
  const inside = (...args: string[]) => runProgram('nsenter', [`--net=/proc/${pid}/ns/net`, 'ip', ...args])
  await inside('link', 'set', 'lo', 'up')
  await inside('address', 'add', `${host.address}/24`, 'dev', 'eth0')
  await inside('link', 'set', 'eth0', 'up')
  await inside('route', 'add', 'default', 'via', layout.controlAddress)
}

/** Pulls the host's plug, or puts it back: the host goes on, unheard. */
export async function setHostConnected(
  layout: SlurmLayout,
  host: SlurmHostDescription,
  connected: boolean,
): Promise<void> {
  await runProgram('ip', ['link', 'set', plugOf(layout, host), connected ? 'up' : 'down'])
}

/** The hosts' ends went with their namespaces. Safe to repeat. */
export async function removeBridge(layout: SlurmLayout): Promise<void> {
  for (const host of layout.hosts) await tryProgram('ip', ['link', 'delete', plugOf(layout, host)])
  await tryProgram('ip', ['link', 'delete', layout.bridge])
}

/** Unique on the machine: the subnet is the cluster's own. */
function plugOf(layout: SlurmLayout, host: SlurmHostDescription): string {
  return `vs${layout.subnet.split('.')[2]}-${host.name}`
}
