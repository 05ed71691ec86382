import { spawn } from 'node:child_process'
import { closeSync, openSync, writeFileSync } from 'node:fs'

import { waitFor } from '@atrium/server/platform/wait-for.ts'

import { controlGroupPath } from './control-groups.ts'

/** One long-running program of the cluster, under the test's thumb from any process. */
export interface Daemon {
  /** As this machine numbers it; undefined while it does not run. */
  pid(): number | undefined
  /** Starts it unless it runs; resolves when it answers. */
  start(): Promise<void>
  /** Asks it to end, and waits. */
  stop(): Promise<void>
  /** Ends it without a word, and waits. */
  kill(): Promise<void>
  /** Stops its clock: connections to it are taken by the kernel and never answered. */
  pause(): void
  resume(): void
}

export interface DaemonParts {
  name: string
  findPid(): number | undefined
  launch(): void | Promise<void>
  /** Whether it does its work; asked again until it does. */
  isReady(): boolean | Promise<boolean>
}

export function createDaemon({ name, findPid, launch, isReady }: DaemonParts): Daemon {
  const signal = (kind: NodeJS.Signals) => {
    const pid = findPid()
    if (pid === undefined) throw new Error(`${name} does not run`)
    process.kill(pid, kind)
  }
  const end = async (kind: NodeJS.Signals) => {
    if (findPid() === undefined) return
    signal(kind)
    await waitFor(`${name} to end`, () => findPid() === undefined)
  }
  return {
    pid: findPid,
    async start() {
      if (findPid() === undefined) await launch()
      await waitFor(`${name} to answer`, isReady, { deadlineMs: 30_000, everyMs: 30 })
    },
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    pause: () => signal('SIGSTOP'),
    resume: () => signal('SIGCONT'),
  }
}

export interface LaunchOptions {
  /** The control group that holds it, so that nothing can get lost. */
  group: string
  /** Where standard output and error go, appended. */
  logFile: string
  /** Gets the process id, which stays the same when the program takes the shell's place. */
  pidFile?: string
  env?: Readonly<Record<string, string>>
}

/** Enters the group first: a program that dies young must not leave children outside of it. */
const enterGroup = `echo $$ >"$1"; shift; exec "$@"`

/** Starts a program that outlives this process. Returns its process id. */
export function launchDetached(command: readonly string[], options: LaunchOptions): number {
  const log = openSync(options.logFile, 'a', 0o644)
  const procs = `${controlGroupPath('pids', options.group)}/cgroup.procs`
  const child = spawn('sh', ['-c', enterGroup, 'sh', procs, ...command], {
    detached: true,
    cwd: '/',
    stdio: ['ignore', log, log],
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', ...options.env },
  })
  child.unref()
  closeSync(log)
  if (child.pid === undefined) throw new Error(`could not start ${command[0]}`)
  if (options.pidFile !== undefined) writeFileSync(options.pidFile, String(child.pid))
  return child.pid
}
