import { createMunge, type MungeOptions } from '#scheduler/drivers/slurm/munge.ts'

import { attempt, type Finding, ok, problem } from './finding.ts'

const mend =
  "Install munge here, with the cluster's key in /etc/munge/munge.key, and start it (systemctl enable --now munge). Jobs prove by it whose they are."

/** munge of this machine: a credential is made and read. Whether nodes have the same key is seen from there. */
export function checkMunge(options: MungeOptions): Promise<readonly Finding[]> {
  return attempt('munge', mend, async () => {
    const munge = createMunge(options)
    const us = process.getuid?.() ?? 0
    const read = await munge.decode(await munge.encode('doctor', { readerUid: us }))
    if ('refused' in read) return [problem('munge', `its own credential is refused: ${read.refused}`, mend)]
    if (read.uid !== us || read.payload !== 'doctor')
      return [problem('munge', 'it answers for somebody else', mend)]
    return [ok('munge', 'it answers')]
  })
}
