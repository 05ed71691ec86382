import { createHmac } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { waitFor } from '@atrium/server/platform/wait-for.ts'
import { controllers, ensureControlGroup, removeControlGroup } from '../support/cluster/control-groups.ts'
import { type Daemon, launchDetached } from '../support/cluster/daemon.ts'
import { acquireLock, handOverLock, releaseLock } from '../support/cluster/lock.ts'
import {
  type ProgramOptions,
  type ProgramResult,
  runProgram,
  tryProgram,
} from '../support/cluster/run-program.ts'
import { ensureUnixAccounts, getUnixAccount, registerWithAccounting } from './accounts.ts'
import { type SlurmSettings, writeConfiguration } from './configuration.ts'
import {
  type ControlDaemonName,
  createDatabase,
  grantDatabase,
  openControlDaemon,
} from './control-daemons.ts'
import { openHost, type SlurmHost } from './host.ts'
import { buildLayout, lockFileOf, type SlurmHostDescription, type SlurmLayout } from './layout.ts'
import { ensureBridge, removeBridge } from './network.ts'
import { machineProgramOf, machineRoomSocketOf, writePowerPrograms } from './power-programs.ts'

/** What a test needs to know of a running cluster; JSON, so that test files in other processes can read it. */
export interface SlurmClusterDescription {
  name: string
  /** Everything of the cluster is in here. */
  dir: string
  /** For Slurm's commands. */
  env: { SLURM_CONF: string; PATH: string }
  restUrl: string
  /** Signs tokens for any user; readable for the accounts slurm and atrium. */
  jwtKeyPath: string
  mungeSocket: string
  /** This machine as the hosts reach it: a control plane under test listens here. */
  controlAddress: string
  /** Powers a cloud host: `machine on|off NAME`, as the account slurm or root. */
  machineProgram: string
  nodes: readonly SlurmHostDescription[]
}

/** A running cluster; the same from the process that started it and from any other that has its description. */
export interface SlurmCluster extends SlurmClusterDescription {
  daemon(name: ControlDaemonName): Daemon
  node(name: string): SlurmHost
  /** Runs a program as one of the people, in their home, with Slurm's configuration and nothing else in the environment. */
  as(user: string, command: string, args: readonly string[], options?: ProgramOptions): Promise<ProgramResult>
  /** A token of that user for slurmrestd, good for an hour unless told otherwise. */
  token(user: string, lifetimeSeconds?: number): string
  /** Ends everything and removes what it left. Safe to repeat. */
  stop(): Promise<void>
}

export interface SlurmClusterOptions extends Partial<SlurmSettings> {
  /** Of folder, control groups and network: clusters of two names can run side by side. Default `tests`. */
  name?: string
  /** Told what one has to wait for. */
  say?: (line: string) => void
}

/** Starts a cluster and waits until its three static hosts are idle. What an earlier, killed run of the name left is removed first. */
export async function startSlurmCluster(options: SlurmClusterOptions = {}): Promise<SlurmCluster> {
  const layout = buildLayout(options.name ?? 'tests')
  await acquireLock(
    lockFileOf(layout.name),
    `the Slurm cluster '${layout.name}'`,
    options.say ?? console.error,
  )
  try {
    await removeRemains(layout)
    await prepare(layout, options)
    await startControlDaemons(layout)
    await Promise.all(layout.hosts.filter(isStatic).map((host) => openHost(layout, host).powerOn()))
    await waitUntilIdle(layout)
    const description = describe(layout)
    writeFileSync(layout.descriptionFile, JSON.stringify(description, undefined, 2))
    return openSlurmCluster(description)
  } catch (error) {
    if (process.env['ATRIUM_TEST_SLURM_KEEP'] === undefined) await stop(layout)
    throw error
  }
}

/** A cluster that runs already. */
export function openSlurmCluster(description: SlurmClusterDescription): SlurmCluster {
  const layout = buildLayout(description.name)
  return {
    ...description,
    daemon: (name) => openControlDaemon(layout, name),
    node(name) {
      const host = layout.hosts.find((entry) => entry.name === name)
      if (host === undefined) throw new Error(`no host ${name}`)
      return openHost(layout, host)
    },
    async as(user, command, args, programOptions = {}) {
      const { home } = getUnixAccount(user)
      const identity = ['--reuid', user, '--regid', user, '--init-groups']
      return await tryProgram('setpriv', [...identity, command, ...args], {
        cwd: existsSync(home) ? home : '/',
        ...programOptions,
        env: { SLURM_CONF: layout.configFile, HOME: home, USER: user, ...programOptions.env },
      })
    },
    token: (user, lifetimeSeconds = 3600) => signToken(layout.jwtKeyPath, user, lifetimeSeconds),
    stop: () => stop(layout),
  }
}

/** Lets the cluster live on after this process: the machine room, which lives as long as the cluster, holds the lock then. */
export function detachSlurmCluster(name: string): void {
  const pid = findMachineRoom(name)
  if (pid === undefined) throw new Error(`the cluster ${name} does not run`)
  handOverLock(lockFileOf(name), pid)
}

/** Process id of the cluster's machine room, dead or alive. */
export function findMachineRoom(name: string): number | undefined {
  const file = join(buildLayout(name).dir, 'run', 'machine-room.pid')
  return existsSync(file) ? Number(readFileSync(file, 'utf8')) : undefined
}

async function stop(layout: SlurmLayout): Promise<void> {
  await removeRemains(layout)
  releaseLock(lockFileOf(layout.name))
}

/** Everything that a run made is in the cluster's control group, folder and bridge, whoever made it and however it ended. */
async function removeRemains(layout: SlurmLayout): Promise<void> {
  await removeControlGroup(layout.cgroup, controllers)
  await removeBridge(layout)
  rmSync(layout.dir, { recursive: true, force: true })
}

async function prepare(layout: SlurmLayout, options: SlurmClusterOptions): Promise<void> {
  await ensureUnixAccounts()
  mkdirSync(layout.dir, { recursive: true })
  const programs = writePowerPrograms(layout)
  writeConfiguration(layout, {
    minJobAge: options.minJobAge ?? 30,
    suspendTime: options.suspendTime ?? 8,
    resumeTimeout: options.resumeTimeout ?? 60,
    resumeProgram: options.resumeProgram ?? programs.resume,
    suspendProgram: options.suspendProgram ?? programs.suspend,
    resumeFailProgram: options.resumeFailProgram ?? programs.fail,
    coresOfHost: options.coresOfHost ?? 2,
    extraLines: options.extraLines ?? [],
  })
  for (const folder of ['log', 'run']) chmodSync(join(layout.dir, folder), 0o1777)
  ensureControlGroup(`${layout.cgroup}/control`, controllers)
  await ensureBridge(layout)
  startMachineRoom(layout)
}

function startMachineRoom(layout: SlurmLayout): void {
  const program = join(import.meta.dirname, 'machine-room.ts')
  launchDetached([process.execPath, program, layout.name, machineRoomSocketOf(layout)], {
    group: `${layout.cgroup}/control`,
    pidFile: join(layout.dir, 'run', 'machine-room.pid'),
    logFile: join(layout.dir, 'log', 'machine-room.out'),
  })
}

async function startControlDaemons(layout: SlurmLayout): Promise<void> {
  await Promise.all([openControlDaemon(layout, 'munged').start(), createDatabase(layout)])
  await openControlDaemon(layout, 'mariadbd').start()
  await grantDatabase(layout)
  await openControlDaemon(layout, 'slurmdbd').start()
  await registerWithAccounting(layout.name, layout.configFile)
  await openControlDaemon(layout, 'slurmctld').start()
  await openControlDaemon(layout, 'slurmrestd').start()
}

async function waitUntilIdle(layout: SlurmLayout): Promise<void> {
  const env = { SLURM_CONF: layout.configFile }
  await waitFor('all hosts to be idle', async () => {
    const states = await runProgram('sinfo', ['--noheader', '--Node', '-p', 'main', '-o', '%N %t'], { env })
    return layout.hosts.filter(isStatic).every(({ name }) => states.includes(`${name} idle\n`))
  })
}

function describe(layout: SlurmLayout): SlurmClusterDescription {
  const { name, dir, restUrl, jwtKeyPath, mungeSocket, controlAddress, hosts } = layout
  const env = { SLURM_CONF: layout.configFile, PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin' }
  const machineProgram = machineProgramOf(layout)
  return { name, dir, env, restUrl, jwtKeyPath, mungeSocket, controlAddress, machineProgram, nodes: hosts }
}

function isStatic(host: SlurmHostDescription): boolean {
  return host.kind === 'static'
}

/** HS256, what Slurm's auth/jwt accepts. */
function signToken(keyPath: string, user: string, lifetimeSeconds: number): string {
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const now = Math.floor(Date.now() / 1000)
  const head = encode({ alg: 'HS256', typ: 'JWT' })
  const body = `${head}.${encode({ iat: now, exp: now + lifetimeSeconds, sun: user })}`
  return `${body}.${createHmac('sha256', readFileSync(keyPath)).update(body).digest('base64url')}`
}
