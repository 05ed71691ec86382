import type { Command } from 'commander'

import { becomeServerProgram } from '#server-program.ts'

/** `validate`: checks a configuration file without starting anything. */
export function addValidateCommand(program: Command): void {
  program
    .command('validate')
    .description(
      'check a configuration file: every problem with its line, the value seen and what is allowed',
    )
    .argument('[file]', 'the file', 'atrium.yaml')
    .option('--json', 'answer in JSON')
    .action((file: string, options: { json?: boolean }) =>
      becomeServerProgram('validate', [...(options.json ? ['--json'] : []), '--', file]),
    )
}
