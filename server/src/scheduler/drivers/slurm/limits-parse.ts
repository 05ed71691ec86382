import type { SchedulerCapabilities } from '#scheduler/scheduler.ts'

/** `scontrol show config`: what slurm.conf and cgroup.conf say of enforcement. */
export function parseLimits(text: string): SchedulerCapabilities['limits'] {
  const read = (name: string) => new RegExp(`^\\s*${name}\\s*=\\s*(.*)$`, 'm').exec(text)?.[1]?.trim() ?? ''
  const usesControlGroups = read('TaskPlugin').split(',').includes('task/cgroup')
  const cpu = usesControlGroups && read('ConstrainCores') === 'yes'
  const memory = usesControlGroups && read('ConstrainRAMSpace') === 'yes'
  const missing = [...(cpu ? [] : ['ConstrainCores']), ...(memory ? [] : ['ConstrainRAMSpace'])]
  const why = usesControlGroups
    ? missing.length === 0
      ? "Slurm's control groups"
      : `cgroup.conf of the cluster lacks ${missing.map((name) => `${name}=yes`).join(' and ')}`
    : 'slurm.conf of the cluster lacks TaskPlugin=task/cgroup'
  return { cpu, memory, why, wholeCores: true }
}
