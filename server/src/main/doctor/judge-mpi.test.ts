import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { judgeMpi } from './judge-mpi.ts'

/** Of Slurm 22.05.8 on Debian 12. */
const text = `MPI plugin types are...
\tpmix
\tnone
\tcray_shasta
\tpmi2
specific pmix plugin versions available: pmix_v4
`

describe('doctor: the MPI that srun offers', () => {
  test('is shown when ranks of both can be started', () => {
    for (const openmpi of ['pmix', 'pmix_v4']) {
      const { status, text: seen } = judgeMpi(text, { openmpi, mpich: 'pmi2' })
      assert.deepEqual([status, seen], ['ok', 'srun offers pmix, none, cray_shasta, pmi2, pmix_v4'])
    }
  })

  test('is a warning that names whose ranks cannot', () => {
    const found = judgeMpi(text.replace('\tpmi2\n', ''), { openmpi: 'pmix_v5', mpich: 'pmi2' })
    assert.equal(found.status, 'warning')
    assert.match(found.text, /not pmix_v5 for Open MPI, pmi2 for MPICH/)
    assert.equal(judgeMpi('', { openmpi: 'pmix', mpich: 'pmi2' }).status, 'warning')
  })
})
