import { existsSync } from 'node:fs'
import { join } from 'node:path'

import { hasControlGroups } from '../support/cluster/control-groups.ts'

/** Debian's packages that a cluster is made of. */
const packages =
  'slurmctld slurmd slurmdbd slurm-client slurmrestd slurm-wlm-jwt-plugin munge mariadb-server iproute2 sudo'

const programs = [
  'slurmctld',
  'slurmd',
  'slurmdbd',
  'slurmrestd',
  'sbatch',
  'munged',
  'mariadbd',
  'ip',
  'sudo',
]

/** What this machine lacks for a cluster and how to get it, in one line; undefined when nothing. */
export function findMissing(): string | undefined {
  const folders = ['/usr/sbin', '/usr/bin', '/sbin', '/bin', '/usr/local/sbin', '/usr/local/bin']
  const absent = programs.filter((name) => !folders.some((folder) => existsSync(join(folder, name))))
  if (absent.length > 0)
    return `Slurm (${absent.join(', ')}): its suite cannot run. Debian: apt-get install ${packages}`
  if (process.getuid?.() !== 0)
    return 'Slurm: its suite cannot run without root, which its hosts need for namespaces and control groups.'
  if (!hasControlGroups())
    return 'Slurm: its suite needs the control groups of version 1 (cpuset, memory, freezer, ...) in /sys/fs/cgroup.'
  return undefined
}
