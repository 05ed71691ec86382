import { type Finding, ok, warn } from './finding.ts'

const page = 'See docs/slurm-autoscaling.md.'

/** Judges what `scontrol show config` prints of nodes that come and go; nothing where there are none. */
export function judgePowerSaving(read: (name: string) => string): readonly Finding[] {
  const isSet = (name: string) => !['', '(null)'].includes(read(name))
  if (!isSet('ResumeProgram')) return []
  const findings = [
    ...(isSet('SuspendProgram') && /^\d/.test(read('SuspendTime'))
      ? []
      : [warn('SuspendProgram', 'nodes that idle are kept', `Set SuspendProgram and SuspendTime. ${page}`)]),
    ...(isSet('ResumeFailProgram')
      ? []
      : [warn('ResumeFailProgram', 'machines that never answer are kept', `Set ResumeFailProgram. ${page}`)]),
    // Newer versions of Slurm have several, numbered.
    ...(isSet('PrologSlurmctld') || isSet('PrologSlurmctld\\[0\\]')
      ? []
      : [
          warn(
            'PrologSlurmctld',
            'servers on nodes that boot start up to 30 seconds later than they could',
            `Set PrologSlurmctld to deploy/slurm/wait-for-nodes. ${page}`,
          ),
        ]),
    ...(/cloud|all/.test(read('PrivateData'))
      ? []
      : [
          warn(
            'PrivateData',
            'nodes that are switched off are not shown, so nobody sees by how much the cluster can grow',
            `Add cloud to PrivateData. ${page}`,
          ),
        ]),
  ]
  return findings.length === 0 ? [ok('power saving', `nodes are made by ${read('ResumeProgram')}`)] : findings
}
