import { existsSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'

import { controlGroupPath } from '../support/cluster/control-groups.ts'
import { createDaemon, type Daemon, type DaemonParts, launchDetached } from '../support/cluster/daemon.ts'
import { runProgram, tryProgram } from '../support/cluster/run-program.ts'
import type { SlurmLayout } from './layout.ts'

/** In the order of their start. */
export const controlDaemonNames = ['munged', 'mariadbd', 'slurmdbd', 'slurmctld', 'slurmrestd'] as const
export type ControlDaemonName = (typeof controlDaemonNames)[number]

interface Recipe {
  user: string
  command: readonly string[]
  env?: Readonly<Record<string, string>>
  isReady: DaemonParts['isReady']
}

/** A daemon of the machine that the cluster is led from: this one. */
export function openControlDaemon(layout: SlurmLayout, name: ControlDaemonName): Daemon {
  const pidFile = join(layout.dir, 'run', `${name}.pid`)
  const group = `${layout.cgroup}/control`
  const { user, command, env, isReady } = recipes[name](layout)
  return createDaemon({
    name,
    findPid: () => findPid(pidFile, group),
    launch: () => {
      const asUser = ['setpriv', '--reuid', user, '--regid', user, '--clear-groups']
      launchDetached([...asUser, ...command], {
        group,
        pidFile,
        logFile: join(layout.dir, 'log', `${name}.out`),
        env: { SLURM_CONF: layout.configFile, ...env },
      })
    },
    isReady: async () => {
      if (!existsSync(`/proc/${readFileSync(pidFile, 'utf8')}`))
        throw new Error(describeEarlyEnd(layout, name))
      return await isReady()
    },
  })
}

const recipes: Readonly<Record<ControlDaemonName, (layout: SlurmLayout) => Recipe>> = {
  munged: ({ dir, mungeSocket }) => ({
    user: 'munge',
    command: [
      ...['munged', '--foreground', '--force', `--socket=${mungeSocket}`, `--key-file=${dir}/etc/munge.key`],
      ...[`--pid-file=${dir}/munge/pid`, `--log-file=${dir}/munge/log`, `--seed-file=${dir}/munge/seed`],
    ],
    isReady: () => succeeds('munge', ['--no-input', '--socket', mungeSocket]),
  }),
  mariadbd: ({ dir, databaseSocket }) => ({
    user: 'mysql',
    command: [
      ...['mariadbd', '--no-defaults', `--datadir=${dir}/database/data`, `--socket=${databaseSocket}`],
      ...[`--pid-file=${dir}/database/pid`, '--skip-networking', '--innodb-buffer-pool-size=64M'],
      ...['--innodb-lock-wait-timeout=900', '--innodb-flush-log-at-trx-commit=0'],
    ],
    isReady: () => succeeds('mariadb-admin', ['--no-defaults', '--socket', databaseSocket, 'ping']),
  }),
  slurmdbd: ({ controlAddress, databaseSocket, ports }) => ({
    user: 'slurm',
    command: ['slurmdbd', '-D'],
    // The client library's way to a socket elsewhere; slurmdbd has no setting for it.
    env: { MYSQL_UNIX_PORT: databaseSocket },
    isReady: () => isListening(controlAddress, ports.slurmdbd),
  }),
  slurmctld: ({ configFile }) => ({
    user: 'slurm',
    command: ['slurmctld', '-D', '-f', configFile],
    isReady: async () => {
      const { stdout } = await tryProgram('scontrol', ['ping'], { env: { SLURM_CONF: configFile } })
      return stdout.includes(' is UP')
    },
  }),
  slurmrestd: ({ controlAddress, ports }) => ({
    user: 'slurmrest',
    command: ['slurmrestd', '-a', 'rest_auth/jwt', `${controlAddress}:${ports.rest}`],
    // Tells it to pass on the tokens of its callers.
    env: { SLURM_JWT: 'daemon' },
    isReady: () => isListening(controlAddress, ports.rest),
  }),
}

/** The database's files and Slurm's account in it, which needs no password: it is who the socket says it is. */
export async function createDatabase(layout: SlurmLayout): Promise<void> {
  await runProgram('mariadb-install-db', [
    ...['--no-defaults', '--user=mysql', `--datadir=${layout.dir}/database/data`, '--skip-test-db'],
    '--auth-root-authentication-method=socket',
  ])
}

export async function grantDatabase(layout: SlurmLayout): Promise<void> {
  await runProgram('mariadb', ['--no-defaults', '--socket', layout.databaseSocket], {
    input: `create database slurm_acct_db;
      create user slurm@localhost identified via unix_socket;
      grant all on slurm_acct_db.* to slurm@localhost;`,
  })
}

/** The file may be older than the process that has the number now: it counts while that is in our group. */
function findPid(pidFile: string, group: string): number | undefined {
  if (!existsSync(pidFile)) return undefined
  const pid = readFileSync(pidFile, 'utf8').trim()
  const members = readFileSync(join(controlGroupPath('pids', group), 'cgroup.procs'), 'utf8').split('\n')
  return pid !== '' && members.includes(pid) ? Number(pid) : undefined
}

function describeEarlyEnd({ dir }: SlurmLayout, name: string): string {
  const logs = [`${name}.out`, `${name}.log`].map((file) => join(dir, 'log', file)).filter(existsSync)
  const said = logs.map((file) => readFileSync(file, 'utf8').split('\n').slice(-15).join('\n'))
  return `${name} ended while starting:\n${said.join('\n')}`
}

async function succeeds(command: string, args: readonly string[]): Promise<boolean> {
  return (await tryProgram(command, args)).code === 0
}

function isListening(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port })
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}
