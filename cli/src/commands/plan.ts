import type { Command } from 'commander'

import { becomeServerProgram } from '#server-program.ts'

/** `plan`: what a configuration would change. */
export function addPlanCommand(program: Command): void {
  program
    .command('plan')
    .description('show what starting with a configuration would change, without changing it')
    .option('--config <file>', 'configuration (default: atrium.yaml here, if there is one)')
    .option('--data <dir>', 'data folder of the platform; default: as `atrium up` finds it')
    .option('--json', 'answer in JSON')
    .action((options: { config?: string; data?: string; json?: boolean }) =>
      becomeServerProgram('plan', [
        ...(options.config === undefined ? [] : ['--config', options.config]),
        ...(options.data === undefined ? [] : ['--data', options.data]),
        ...(options.json ? ['--json'] : []),
      ]),
    )
}
