import type { SrunMpi } from '#scheduler/drivers/slurm/node-door.ts'
import { parseHidesAccounts, parsePolicy } from '#scheduler/drivers/slurm/owner-choices-parse.ts'
import type { SlurmCommands } from '#scheduler/drivers/slurm/run-slurm-command.ts'
import { runSlurmCommand } from '#scheduler/drivers/slurm/run-slurm-command.ts'

import { attempt, type Finding, ok, problem, warn } from './finding.ts'
import { judgeMpi } from './judge-mpi.ts'
import { judgeSlurmConfig, judgeVersion } from './judge-slurm-config.ts'

const clientMend =
  'Install the Slurm client here (Debian: slurm-client), with the slurm.conf of the cluster; or set scheduler.slurm.commands and slurmConf.'

/** Slurm's commands on this machine: their version, whether the daemons answer, and how the cluster is set up. */
export async function checkSlurmCommands(commands: SlurmCommands, mpi: SrunMpi): Promise<readonly Finding[]> {
  const signal = AbortSignal.timeout(commands.timeoutMs * 4)
  const ask = (program: string, args: readonly string[]) =>
    runSlurmCommand(commands, program, args, { signal })
  const client = await attempt('Slurm commands', clientMend, async () => {
    const version = (await ask('squeue', ['--version'])).trim().replace(/^slurm\S* /, '')
    return [judgeVersion('Slurm commands', version)]
  })
  if (client.some(({ status }) => status === 'problem')) return client
  const control = await attempt('slurmctld', 'See whether it runs: scontrol ping.', async () =>
    judgeSlurmConfig(await ask('scontrol', ['show', 'config'])),
  )
  if (control.some(({ check, status }) => check === 'slurmctld' && status === 'problem'))
    return [...client, ...control]
  const json = await attempt(
    'squeue --json',
    'Install the JSON plugin of Slurm (serializer/json).',
    async () => {
      JSON.parse(await ask('squeue', ['--json', '--jobs=1']).catch((error: Error) => explainAbsent(error)))
      return [ok('squeue --json', 'the queue can be read')]
    },
  )
  const database = await attempt('slurmdbd', 'See whether it runs: sacctmgr show cluster.', async () => {
    await ask('sacct', ['--noheader', '--parsable2', '--jobs=1'])
    return [ok('slurmdbd', 'it answers')]
  })
  const ranks = await attempt('MPI', 'See srun --mpi=list.', async () => [
    judgeMpi(await ask('srun', ['--mpi=list']), mpi),
  ])
  // Without accounting the platform works, without usage.
  const softened = database.map(softenProblem)
  return [...client, ...control, ...json, ...softened, ...ranks.map(softenProblem)]
}

/** That job 1 is long gone says that the queue was read. */
function explainAbsent(error: Error): string {
  if (/Invalid job id/i.test(error.message)) return '{}'
  throw error
}

function softenProblem(finding: Finding): Finding {
  const { check, status, text, mend = '' } = finding
  return status === 'problem' ? warn(check, text, mend) : finding
}

/** Whether this user has an account in Slurm's accounting, where one is asked for. */
export async function checkAssociation(commands: SlurmCommands, login: string): Promise<readonly Finding[]> {
  const check = `account of ${login}`
  const signal = AbortSignal.timeout(commands.timeoutMs * 3)
  const ask = (program: string, args: readonly string[]) =>
    runSlurmCommand(commands, program, args, { signal })
  const table = ['--noheader', '--parsable2', 'show', 'association', `user=${login}`, 'format=account']
  try {
    const { bindsAccounts } = parsePolicy(await ask('scontrol', ['show', 'config']))
    if (!bindsAccounts) return []
    const accounts = (await ask('sacctmgr', table)).split('\n').filter((line) => line !== '')
    if (accounts.length > 0) return [ok(check, [...new Set(accounts)].join(', '))]
    if (parseHidesAccounts(await ask('sacctmgr', ['show', 'configuration']))) return [hidden(check)]
    return [problem(check, 'none in the accounting of Slurm', `sacctmgr add user ${login} account=ACCOUNT`)]
  } catch {
    // No accounting, or none that answers: told of elsewhere.
    return []
  }
}

function hidden(check: string): Finding {
  const mend =
    'Make the account that runs the platform an operator (sacctmgr modify user ACCOUNT set AdminLevel=Operator): then people are offered only what they may use.'
  return warn(check, 'not to be seen: PrivateData of slurmdbd.conf hides accounts', mend)
}
