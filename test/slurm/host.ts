import { chmodSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import { waitFor } from '@atrium/server/platform/wait-for.ts'

import {
  controlGroupPath,
  controllers,
  ensureControlGroup,
  listProcesses,
  removeControlGroup,
} from '../support/cluster/control-groups.ts'
import { createDaemon, type Daemon, launchDetached } from '../support/cluster/daemon.ts'
import { type ProgramOptions, type ProgramResult, tryProgram } from '../support/cluster/run-program.ts'
import type { SlurmHostDescription, SlurmLayout } from './layout.ts'
import { connectHost, setHostConnected } from './network.ts'

/** A machine of the cluster: network, name, process ids, /tmp and control groups of its own; homes and files are shared. */
export interface SlurmHost extends SlurmHostDescription {
  slurmd: Daemon
  isOn(): boolean
  /** Boots it unless it is on, and starts its slurmd. */
  powerOn(): Promise<void>
  /** All that runs on it is gone at once, as with a pulled power cord. */
  powerOff(): Promise<void>
  /** Pulls its network plug or puts it back. */
  setConnected(connected: boolean): Promise<void>
  /** Another daemon on it, as root, of this one's own name among programs. `isReady`: whether it does its work. */
  daemon(name: string, command: readonly string[], isReady: () => boolean | Promise<boolean>): Daemon
  /** Runs a program on it, as root. */
  run(command: string, args: readonly string[], options?: ProgramOptions): Promise<ProgramResult>
}

/** Shared with the hosts though it may lie below /tmp: the checkout. */
const checkout = join(import.meta.dirname, '..', '..')

export function openHost(layout: SlurmLayout, description: SlurmHostDescription): SlurmHost {
  const { name } = description
  const group = `${layout.cgroup}/${name}`
  const pidFile = join(layout.dir, 'run', `host-${name}.pid`)
  const findInit = () => findMember(group, pidFile)
  const enter = (command: readonly string[]) => {
    const init = findInit()
    if (init === undefined) throw new Error(`${name} is off`)
    return [...buildEnter(init), ...command]
  }
  const slurmd = createDaemon({
    name: `slurmd on ${name}`,
    findPid: () => (existsSync(controlGroupPath('pids', group)) ? findByName(group, 'slurmd') : undefined),
    launch: async () => {
      // -b: without it slurmctld waits for the boot of a cloud node that it has seen before.
      const program = ['slurmd', '-D', '-b', '-N', name, '-f', layout.configFile]
      launchDetached(enter(['sh', '-c', enterHostGroups, 'sh', ...program]), {
        group,
        logFile: join(layout.dir, 'log', `slurmd-${name}.out`),
        env: { SLURM_CONF: layout.configFile },
      })
    },
    isReady: () => findByName(group, 'slurmd') !== undefined,
  })
  return {
    ...description,
    slurmd,
    isOn: () => findInit() !== undefined,
    async powerOn() {
      if (findInit() === undefined) await boot(layout, description, group, pidFile)
      await slurmd.start()
    },
    powerOff: () => removeControlGroup(group, controllers),
    daemon: (daemonName, command, isReady) =>
      openDaemon({ layout, name, group, enter }, { name: daemonName, command, isReady }),
    setConnected: (connected) => setHostConnected(layout, description, connected),
    async run(command, args, options = {}) {
      const [program = '', ...rest] = enter(['sh', '-c', enterHostGroups, 'sh', command, ...args])
      return await tryProgram(program, rest, options)
    },
  }
}

/** A daemon by its pid file, as the host may run several of one program. */
function openDaemon(
  host: { layout: SlurmLayout; name: string; group: string; enter(command: readonly string[]): string[] },
  daemon: { name: string; command: readonly string[]; isReady: () => boolean | Promise<boolean> },
): Daemon {
  const { layout, group } = host
  const file = `${host.name}-${daemon.name}`
  // What is started first is nsenter, which stays and waits when it enters a namespace of process ids.
  const findPid = () => {
    const outer = findMember(group, join(layout.dir, 'run', `${file}.pid`))
    return outer === undefined ? undefined : findChild(outer)
  }
  return createDaemon({
    name: `${daemon.name} on ${host.name}`,
    findPid,
    launch: () => {
      launchDetached(host.enter(['sh', '-c', enterHostGroups, 'sh', ...daemon.command]), {
        group,
        pidFile: join(layout.dir, 'run', `${file}.pid`),
        logFile: join(layout.dir, 'log', `${file}.out`),
      })
    },
    isReady: daemon.isReady,
  })
}

function findChild(pid: number): number | undefined {
  const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')
  return child === undefined || child === '' ? undefined : Number(child)
}

/** Inside of the namespaces each hierarchy's folder is the host's own group. */
const enterHostGroups = `for h in ${controllers.join(' ')}; do echo $$ >/sys/fs/cgroup/$h/cgroup.procs; done; exec "$@"`

/** The first process of a host: gives it its name, its control groups and its /tmp, and then buries the dead. */
const initScript = `set -e
hostname "$1"; tmp=$2; group=$3; hosts=$4; shift 4
mount --bind "$hosts" /etc/hosts
for h in ${controllers.join(' ')}; do mount --bind "/sys/fs/cgroup/$h/$group" "/sys/fs/cgroup/$h"; done
for shared in "$@"; do case $shared in /tmp/*) mkdir -p "$tmp\${shared#/tmp}"; mount --rbind "$shared" "$tmp\${shared#/tmp}";; esac; done
mount --rbind "$tmp" /tmp
: >/tmp/.booted
while :; do sleep 3600 & wait $!; done`

async function boot(layout: SlurmLayout, host: SlurmHostDescription, group: string, pidFile: string) {
  await removeControlGroup(group, controllers)
  ensureControlGroup(group, controllers)
  const tmp = join(layout.dir, 'hosts', host.name, 'tmp')
  mkdirSync(join(layout.dir, 'hosts', host.name, 'spool'), { recursive: true })
  mkdirSync(tmp, { recursive: true })
  chmodSync(tmp, 0o1777)
  const enterAll = controllers.map((h) => `echo $$ >${controlGroupPath(h, group)}/cgroup.procs`).join('; ')
  const pid = launchDetached(
    [
      ...['sh', '-c', `${enterAll}; exec "$@"`, 'sh'],
      ...['unshare', '--net', '--uts', '--ipc', '--mount', '--cgroup', '--pid', '--fork', '--kill-child'],
      ...[
        '--mount-proc',
        'sh',
        '-c',
        initScript,
        'init',
        host.name,
        tmp,
        group,
        join(layout.configFolder, 'hosts'),
        checkout,
      ],
    ],
    { group, pidFile, logFile: join(layout.dir, 'log', `host-${host.name}.out`) },
  )
  const root = `/proc/${pid}/root`
  await waitFor(`${host.name} to boot`, () => {
    if (!existsSync(`/proc/${pid}`))
      throw new Error(readFileSync(join(layout.dir, 'log', `host-${host.name}.out`), 'utf8'))
    return existsSync(`${root}/tmp/.booted`)
  })
  await connectHost(layout, host, pid)
}

/** The outer process is in all of the host's namespaces but that of process ids, which its child began. */
function buildEnter(pid: number): string[] {
  const ns = `/proc/${pid}/ns`
  return [
    ...['nsenter', `--net=${ns}/net`, `--uts=${ns}/uts`, `--ipc=${ns}/ipc`, `--mount=${ns}/mnt`],
    ...[`--cgroup=${ns}/cgroup`, `--pid=${ns}/pid_for_children`],
  ]
}

function findMember(group: string, pidFile: string): number | undefined {
  if (!existsSync(pidFile)) return undefined
  const pid = Number(readFileSync(pidFile, 'utf8'))
  return listProcesses(group, controllers).includes(pid) ? pid : undefined
}

function findByName(group: string, name: string): number | undefined {
  return listProcesses(group, controllers).find((pid) => {
    try {
      return readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === name
    } catch {
      return false
    }
  })
}
