import { type Command, Option } from 'commander'

import { CliError, exitCodes, print } from '#output.ts'
import { findDataFolder, readPlatformInfo } from '#platform-info.ts'
import { becomeServerProgram } from '#server-program.ts'

interface StartOptions {
  port?: string
  host?: string
  data?: string
  envPrefix?: string
  config?: string
  listen?: string
}

/** `up`, `serve`, `down`, `restart`. */
export function addPlatformCommands(program: Command): void {
  withStartOptions(program.command('up'))
    .description(
      'set up what is missing and run the platform in the foreground; ctrl-C leaves users’ servers running',
    )
    .action((options: StartOptions) => becomeServerProgram('up', startArguments(options)))
  withStartOptions(program.command('serve'))
    .description('run one control plane alone, for a service manager or as a further replica on PostgreSQL')
    .option('--listen <address:port>', 'where edges of other machines reach it (see edge.external)')
    .action((options: StartOptions) => becomeServerProgram('serve', startArguments(options)))
  program
    .command('serve-edge')
    .description('run one of the edges that edge.external of the configuration tells of')
    .option('--config <file>', 'configuration (default: atrium.yaml here, if there is one)')
    .option('--host <address>', 'address to listen on for users')
    .option('--port <number>', 'port for users')
    .action((options: StartOptions) => becomeServerProgram('serve-edge', startArguments(options)))
  program
    .command('down')
    .description('stop the control plane and the edge; users’ servers run on unless --all is given')
    .option('--all', 'stop all users’ jobs too')
    .option('--data <dir>', 'data folder of the platform')
    .option('--json', 'answer in JSON')
    .action((options: { all?: boolean; data?: string; json?: boolean }) =>
      becomeServerProgram('down', [
        '--data',
        findDataFolder(options.data),
        ...(options.all ? ['--all'] : []),
        ...(options.json ? ['--json'] : []),
      ]),
    )
  program
    .command('restart')
    .description(
      'restart the control plane in place: no job and no open connection through the edge is touched',
    )
    .option('--data <dir>', 'data folder of the platform')
    .option('--json', 'answer in JSON')
    .action(restart)
}

async function restart(options: { data?: string; json?: boolean }): Promise<void> {
  const { pid } = await readPlatformInfo(findDataFolder(options.data))
  try {
    process.kill(pid, 'SIGHUP')
  } catch {
    throw new CliError('The platform is not running.', {
      hint: 'Start it with `atrium up`.',
      exitCode: exitCodes.notRunning,
    })
  }
  print({ restarted: pid }, options, () => 'The control plane restarts.')
}

function withStartOptions(command: Command): Command {
  return command
    .option('--port <number>', 'port for browsers (default 8000)')
    .option('--host <address>', 'address to listen on (default 127.0.0.1)')
    .option('--data <dir>', 'folder for everything the platform keeps')
    .option('--env-prefix <dir>', 'Python environment of servers; made if absent')
    .addOption(new Option('--config <file>', 'configuration (default: atrium.yaml here, if there is one)'))
    .option('--json', 'log and ready line in JSON')
}

function startArguments(options: StartOptions & { json?: boolean }): string[] {
  const named = {
    port: options.port,
    host: options.host,
    data: options.data,
    'env-prefix': options.envPrefix,
    config: options.config,
    listen: options.listen,
  }
  return [
    ...Object.entries(named).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, value])),
    ...(options.json ? ['--json'] : []),
  ]
}
