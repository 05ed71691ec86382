import { Command } from 'commander'

import { addDatabaseCommands } from '#commands/database.ts'
import { addGroupCommands } from '#commands/group.ts'
import { addLogsCommand } from '#commands/logs.ts'
import { addPlanCommand } from '#commands/plan.ts'
import { addPlatformCommands } from '#commands/platform.ts'
import { addServerCommands } from '#commands/server.ts'
import { addStatusCommand } from '#commands/status.ts'
import { addTokenCommands } from '#commands/token.ts'
import { addUserCommands } from '#commands/user.ts'
import { addValidateCommand } from '#commands/validate.ts'
import { reportError } from './output.ts'

/** The whole command line: one command a file, each with `--help` and `--json`. */
function buildProgram(): Command {
  const program = new Command('atrium')
    .description('A data science platform for your team, on what you have.')
    .version('0.1.0')
    .showHelpAfterError('(atrium --help lists the commands)')
    .configureHelp({ sortSubcommands: false })
  addPlatformCommands(program)
  addStatusCommand(program)
  addValidateCommand(program)
  addPlanCommand(program)
  addUserCommands(program)
  addGroupCommands(program)
  addTokenCommands(program)
  addServerCommands(program)
  addLogsCommand(program)
  addDatabaseCommands(program)
  return program
}

try {
  await buildProgram().parseAsync()
} catch (error) {
  process.exitCode = reportError(error, process.argv.includes('--json'))
}
