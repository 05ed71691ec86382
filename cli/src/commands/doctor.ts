import type { Command } from 'commander'

import { becomeServerProgram } from '#server-program.ts'

interface DoctorOptions {
  config?: string
  data?: string
  as?: string
  partition?: string[]
  wait?: string
  json?: boolean
}

/** `doctor`: what keeps the platform from working here, and how to mend it. */
export function addDoctorCommand(program: Command): void {
  program
    .command('doctor')
    .description(
      'look at this machine, and at the Slurm cluster if there is one: what is wrong and how to mend it',
    )
    .option('--config <file>', 'configuration (default: atrium.yaml here, if there is one)')
    .option('--data <dir>', 'data folder of the platform; default: as `atrium up` finds it')
    .option('--as <login>', 'on Slurm: whose short job looks at the nodes (default: yours)')
    .option('--partition <name...>', 'on Slurm: look at nodes of these partitions (default: all)')
    .option('--wait <seconds>', 'on Slurm: how long that job may wait for a node (default: 60)')
    .option('--json', 'answer in JSON')
    .action((options: DoctorOptions) => becomeServerProgram('doctor', buildArguments(options)))
}

function buildArguments({ json, partition = [], ...texts }: DoctorOptions): string[] {
  return [
    ...Object.entries(texts).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, value])),
    ...partition.flatMap((name) => ['--partition', name]),
    ...(json ? ['--json'] : []),
  ]
}
