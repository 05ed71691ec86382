import { readFileSync } from 'node:fs'

import { runProgram } from '../support/cluster/run-program.ts'

/** People of the tests: the same everywhere, homes are shared by all hosts. */
const people: Readonly<
  Record<string, { uid: number; accounts: string; qos: string; defaultAccount: string }>
> = {
  alice: { uid: 2001, accounts: 'physics', defaultAccount: 'physics', qos: 'low,normal,high' },
  bob: { uid: 2002, accounts: 'physics,biology', defaultAccount: 'physics', qos: 'low,normal,high' },
  carol: { uid: 2003, accounts: 'biology', defaultAccount: 'biology', qos: 'low,normal' },
}

/** Runs slurmrestd, and the control plane under test. */
const services = ['slurmrest', 'atrium']

/** Makes the accounts that are absent; they stay when the cluster goes. */
export async function ensureUnixAccounts(): Promise<void> {
  for (const [name, { uid }] of Object.entries(people)) {
    if (findUnixAccount(name) !== undefined) continue
    await runProgram('useradd', ['--create-home', '--uid', String(uid), '--shell', '/bin/bash', name])
  }
  for (const name of services) {
    if (findUnixAccount(name) !== undefined) continue
    await runProgram('useradd', ['--system', '--user-group', '--shell', '/usr/sbin/nologin', name])
  }
}

export interface UnixAccount {
  uid: number
  gid: number
  home: string
}

/** Of this machine's password file; undefined for a name that is not there. */
export function findUnixAccount(name: string): UnixAccount | undefined {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${name}:`))
  if (line === undefined) return undefined
  const [, , uid, gid, , home] = line.split(':')
  return { uid: Number(uid), gid: Number(gid), home: home ?? '/' }
}

export function getUnixAccount(name: string): UnixAccount {
  const account = findUnixAccount(name)
  if (account === undefined) throw new Error(`no account ${name}: is the package that makes it installed?`)
  return account
}

/** Cluster, accounts, qualities of service and people in slurmdbd; before slurmctld starts, so that it begins knowing them. */
export async function registerWithAccounting(cluster: string, slurmConf: string): Promise<void> {
  const manage = (...args: string[]) =>
    runProgram('sacctmgr', ['--immediate', '--quiet', ...args], { env: { SLURM_CONF: slurmConf } })
  await manage('add', 'cluster', cluster)
  await manage('add', 'account', 'physics,biology', 'organization=tests')
  await manage('add', 'qos', 'low', 'priority=1', 'preemptmode=requeue')
  await manage('add', 'qos', 'high', 'priority=100', 'preempt=low', 'preemptmode=off')
  for (const [name, { accounts, defaultAccount, qos }] of Object.entries(people)) {
    await manage(
      ...['add', 'user', name, `account=${accounts}`, `defaultaccount=${defaultAccount}`],
      ...[`qos=${qos}`, 'defaultqos=normal'],
    )
  }
}
