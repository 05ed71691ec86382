import type { SrunMpi } from '#scheduler/drivers/slurm/node-door.ts'

import { type Finding, ok, warn } from './finding.ts'

const names = { openmpi: 'Open MPI', mpich: 'MPICH' } as const
const mend =
  'Install that plugin of Slurm (MpiPlugin; Debian brings both), or set scheduler.slurm.mpi to what the builds of MPI here can use.'

/** Judges what `srun --mpi=list` prints, by what ranks of each MPI are started with. */
export function judgeMpi(text: string, wanted: SrunMpi): Finding {
  const offered = parseTypes(text)
  const missing = (['openmpi', 'mpich'] as const).filter((flavour) => !offered.has(wanted[flavour] ?? ''))
  const list = [...offered].join(', ')
  if (missing.length === 0) return ok('MPI', `srun offers ${list}`)
  const lacking = missing.map((flavour) => `${wanted[flavour]} for ${names[flavour]}`).join(', ')
  return warn('MPI', `srun offers ${list || 'nothing'}, and not ${lacking}`, mend)
}

/** Each on a line of its own, and `specific pmix plugin versions available: pmix_v3,pmix_v4`. */
function parseTypes(text: string): Set<string> {
  const lines = text.split('\n').map((line) => line.trim())
  const alone = lines.filter((line) => /^[a-z0-9_]+$/.test(line))
  const versions = lines.flatMap((line) => /^specific .*: *(.*)$/.exec(line)?.[1]?.split(/[ ,]+/) ?? [])
  return new Set([...alone, ...versions].filter((name) => name !== ''))
}
