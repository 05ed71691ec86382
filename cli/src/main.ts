import { Command } from 'commander'

import { addClustersCommands } from '#commands/clusters.ts'
import { addDatabaseCommands } from '#commands/database.ts'
import { addDoctorCommand } from '#commands/doctor.ts'
import { addGroupCommands } from '#commands/group.ts'
import { addJobsCommands } from '#commands/jobs.ts'
import { addLogsCommand } from '#commands/logs.ts'
import { addNodesCommand } from '#commands/nodes.ts'
import { addPlanCommand } from '#commands/plan.ts'
import { addPlatformCommands } from '#commands/platform.ts'
import { addRunCommand } from '#commands/run.ts'
import { addScheduleCommands } from '#commands/schedules.ts'
import { addServerCommands } from '#commands/server.ts'
import { addSlurmCommands } from '#commands/slurm.ts'
import { addStatusCommand } from '#commands/status.ts'
import { addTokenCommands } from '#commands/token.ts'
import { addUsageCommand } from '#commands/usage.ts'
import { addUserCommands } from '#commands/user.ts'
import { addValidateCommand } from '#commands/validate.ts'
import { reportError } from './output.ts'

const help = `
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 the platform is not running, 4 not allowed.
Passwords and keys are never given on the command line: people set theirs by one-time links.

  atrium up                          run the platform here
  atrium user invite --admin         print a link for a further administrator
  atrium server start alice          start her server and show its progress
  atrium logs alice --follow         what it prints
  atrium run -n 8 -- python solver.py   run a program as a job; ATRIUM_URL and ATRIUM_TOKEN say where and who
  atrium status --json | jq .counts  what programs read`

/** The whole command line: one command a file, each with `--help` and `--json`. */
function buildProgram({ json }: { json: boolean }): Command {
  const program = new Command('atrium')
    // Before the subcommands, which take both over.
    .exitOverride()
    // What stands behind the program of `run` is the program's.
    .enablePositionalOptions()
    .configureOutput(json ? { writeErr: () => {} } : {})
    .description('A data science platform for your team, on what you have.')
    .version('0.1.0')
    .showHelpAfterError('(--help shows what there is)')
    .addHelpText('after', help)
    .configureHelp({ sortSubcommands: false })
  addPlatformCommands(program)
  addStatusCommand(program)
  addValidateCommand(program)
  addPlanCommand(program)
  addDoctorCommand(program)
  addUserCommands(program)
  addGroupCommands(program)
  addTokenCommands(program)
  addServerCommands(program)
  addRunCommand(program)
  addJobsCommands(program)
  addScheduleCommands(program)
  addClustersCommands(program)
  addLogsCommand(program)
  addUsageCommand(program)
  addNodesCommand(program)
  addDatabaseCommands(program)
  addSlurmCommands(program)
  return program
}

// What stands behind `--` is another program's.
const end = process.argv.indexOf('--')
const json = process.argv.slice(0, end < 0 ? undefined : end).includes('--json')
try {
  await buildProgram({ json }).parseAsync()
} catch (error) {
  process.exitCode = reportError(error, json)
}
