import type { Command } from 'commander'

import { becomeNodeProgram, becomeServerProgram } from '#server-program.ts'

const programs = {
  resume: 'make the machines of these nodes (ResumeProgram)',
  suspend: 'remove the machines of these nodes (SuspendProgram)',
  'resume-fail': 'clean up after nodes that did not answer in time (ResumeFailProgram)',
}

/** `slurm`: what slurmctld and nodes run where nodes come and go. */
export function addSlurmCommands(program: Command): void {
  const slurm = program.command('slurm').description("programs for Slurm's power saving")
  for (const [name, description] of Object.entries(programs)) {
    slurm
      .command(name)
      .description(description)
      .argument('<nodes>', 'as Slurm writes them: c[1-3],gpu07')
      .option('--config <file>', 'configuration (default: atrium.yaml here, if there is one)')
      .action((nodes: string, options: { config?: string }) =>
        becomeServerProgram('slurm-power', [...configOption(options), ...['--', name, nodes]]),
      )
  }
  slurm
    .command('sweep')
    .description('remove machines of nodes that Slurm counts as switched off; run it now and then')
    .option('--config <file>', 'configuration (default: atrium.yaml here, if there is one)')
    .action((options: { config?: string }) =>
      becomeServerProgram('slurm-power', [...configOption(options), 'sweep']),
    )
  slurm
    .command('watch-interruption')
    .description('on a spot machine of EC2: when it is taken back, queue its jobs again')
    .option('--node <name>', "its name in Slurm (default: the tag atrium-node, else the host's name)")
    .option('--slurm <dir>', "where Slurm's commands are (default: on PATH)")
    .option('--every <seconds>', 'between two questions (default: 5)')
    .option('--metadata <url>', "the machine's metadata service (default: that of EC2)")
    .action((options: Readonly<Record<string, string>>) =>
      becomeNodeProgram(
        'watch_interruption',
        Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]),
      ),
    )
}

function configOption({ config }: { config?: string }): readonly string[] {
  return config === undefined ? [] : ['--config', config]
}
