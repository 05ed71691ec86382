import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

import type { Clock } from '#platform/clock.ts'
import { keepFor } from '#platform/keep-for.ts'
import type { ChoiceLimits, OwnerChoices } from '#scheduler/owner-choices.ts'
import type { Scheduler, WaitOptions } from '#scheduler/scheduler.ts'
import {
  associationFields,
  parseAssociations,
  parseHidesAccounts,
  parsePartitions,
  parsePolicy,
  parseQos,
  qosFields,
  type SlurmPolicy,
} from './owner-choices-parse.ts'
import { runSlurmCommand, type SlurmCommands } from './run-slurm-command.ts'

/** What is the same for everybody. */
interface SiteFacts {
  policy: SlurmPolicy
  partitions: string
  qos: ReadonlyMap<string, ChoiceLimits>
}

const siteAgeMs = 60_000
/** sacctmgr(1) takes lists and conditions in a name: only what can be a login name reaches it. */
const loginPattern = /^[A-Za-z0-9_][A-Za-z0-9_.@-]{0,255}$/
const table = ['--noheader', '--parsable2', 'show']

/** Asks Slurm's accounting what a user may ask for: associations, limits, and which partitions let whom in. */
export function createOwnerChoices(commands: SlurmCommands, clock: Clock): NonNullable<Scheduler['choices']> {
  const readSite = keepFor(siteAgeMs, clock, (options: WaitOptions) => readSiteFacts(commands, options))
  return async ({ login }, options) => {
    const site = await readSite(options)
    const { policy } = site
    const isLogin = loginPattern.test(login)
    const hasAccounts = policy.bindsAccounts && isLogin
    const [groups, associations, user] = await Promise.all([
      isLogin ? readGroups(login, options) : [],
      hasAccounts ? readAssociations(commands, policy, login, options) : '',
      hasAccounts ? readDefaultAccount(commands, policy, login, options) : '',
    ])
    const choices = buildChoices(site, { groups, associations, user })
    // Who is shown nobody's associations cannot tell who has none.
    const isBlind = hasAccounts && choices.accounts.length === 0 && (await hidesAccounts(commands, options))
    return isBlind ? { ...choices, bindsAccounts: false, bindsQos: false } : choices
  }
}

async function hidesAccounts(commands: SlurmCommands, options: WaitOptions): Promise<boolean> {
  return parseHidesAccounts(await runSlurmCommand(commands, 'sacctmgr', ['show', 'configuration'], options))
}

function buildChoices(
  { policy, partitions, qos }: SiteFacts,
  of: { groups: readonly string[]; associations: string; user: string },
): OwnerChoices {
  const [defaultAccount = ''] = of.user.split('\n')
  return {
    bindsAccounts: policy.bindsAccounts,
    bindsQos: policy.bindsQos,
    accounts: parseAssociations(of.associations, qos),
    ...(defaultAccount === '' ? {} : { defaultAccount }),
    ...parsePartitions(partitions, of.groups),
  }
}

async function readSiteFacts(commands: SlurmCommands, options: WaitOptions): Promise<SiteFacts> {
  const [config, partitions] = await Promise.all([
    runSlurmCommand(commands, 'scontrol', ['show', 'config'], options),
    runSlurmCommand(commands, 'scontrol', ['--all', '--oneliner', 'show', 'partition'], options),
  ])
  const policy = parsePolicy(config)
  const qos = policy.bindsAccounts
    ? await runSlurmCommand(commands, 'sacctmgr', [...table, 'qos', `format=${qosFields.join(',')}`], options)
    : ''
  return { policy, partitions, qos: parseQos(qos) }
}

function readAssociations(
  commands: SlurmCommands,
  { cluster }: SlurmPolicy,
  login: string,
  options: WaitOptions,
): Promise<string> {
  const which = ['where', `cluster=${cluster}`, `user=${login}`]
  const args = [...table, 'assoc', ...which, `format=${associationFields.join(',')}`]
  return runSlurmCommand(commands, 'sacctmgr', args, options)
}

function readDefaultAccount(
  commands: SlurmCommands,
  { cluster }: SlurmPolicy,
  login: string,
  options: WaitOptions,
): Promise<string> {
  const which = ['where', `cluster=${cluster}`, `name=${login}`]
  const args = [...table, 'user', 'withassoc', ...which, 'format=defaultaccount']
  return runSlurmCommand(commands, 'sacctmgr', args, options)
}

/** As slurmctld decides on AllowGroups: by the machine's groups. Nobody is in none. */
async function readGroups(login: string, { signal }: WaitOptions): Promise<readonly string[]> {
  try {
    const { stdout } = await promisify(execFile)('id', ['-nG', '--', login], { signal })
    return stdout.trim().split(/\s+/)
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof Error && 'code' in error && typeof error.code === 'number') return []
    throw error
  }
}
